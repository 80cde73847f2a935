"""A WebRTC stack that is no browser: its offer goes by a plain SIP INVITE over UDP.

call.py SERVER PORT URI HERTZ SECONDS RECORDING: calls, says a tone for so long, records what it hears, hangs up.
"""

import asyncio
import fractions
import math
import socket
import sys
import time

import aioice.ice
import av
from aiortc import RTCPeerConnection, RTCSessionDescription, MediaStreamTrack
from aiortc.contrib.media import MediaRecorder

RATE, FRAME = 48_000, 960

# It leaves loopback out of its candidates, which is all that there is here.
aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: ["127.0.0.1"]


class Tone(MediaStreamTrack):
    kind = "audio"

    def __init__(self, hertz):
        super().__init__()
        self.hertz, self.said, self.start = hertz, 0, None

    async def recv(self):
        self.start = self.start or time.time()
        await asyncio.sleep(max(0, self.start + self.said / RATE - time.time()))
        angle = [2 * math.pi * self.hertz * (self.said + n) / RATE for n in range(FRAME)]
        frame = av.AudioFrame(format="s16", layout="mono", samples=FRAME)
        frame.planes[0].update(b"".join(int(8000 * math.sin(a)).to_bytes(2, "little", signed=True) for a in angle))
        frame.pts, frame.sample_rate, frame.time_base = self.said, RATE, fractions.Fraction(1, RATE)
        self.said += FRAME
        return frame


class Sip:
    """One call, in the fewest words."""

    def __init__(self, server, uri):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(10)
        self.server, self.uri, self.port = server, uri, self.socket.getsockname()[1]
        self.to = f"<{uri}>"

    def send(self, method, number, target, body=""):
        me = f"127.0.0.1:{self.port}"
        lines = [
            f"{method} {target} SIP/2.0",
            f"Via: SIP/2.0/UDP {me};branch=z9hG4bK{method}{number}",
            "Max-Forwards: 70",
            f"From: <sip:aiortc@{me}>;tag=stranger",
            f"To: {self.to}",
            f"Call-ID: aiortc-{self.port}",
            f"CSeq: {number} {method}",
            f"Contact: <sip:aiortc@{me}>",
        ]
        if body:
            lines.append("Content-Type: application/sdp")
        lines.append(f"Content-Length: {len(body.encode())}")
        self.socket.sendto(("\r\n".join(lines) + "\r\n\r\n" + body).encode(), self.server)

    def final(self):
        while True:
            head, _, body = self.socket.recv(65_536).decode().partition("\r\n\r\n")
            status = int(head.split(" ")[1]) if head.startswith("SIP/2.0 ") else 0
            if status < 200:
                continue
            headers = dict(line.split(": ", 1) for line in head.split("\r\n")[1:])
            return status, headers, body

    def invite(self, offer):
        self.send("INVITE", 1, self.uri, offer)
        status, headers, answer = self.final()
        assert status == 200, f"{status}: {headers}"
        self.to = headers["To"]
        self.target = headers["Contact"].split("<")[1].split(">")[0]
        self.send("ACK", 1, self.target)
        return answer

    def hang_up(self):
        self.send("BYE", 2, self.target)
        status, _, _ = self.final()
        assert status == 200, f"BYE: {status}"


async def main(server, port, uri, hertz, seconds, recording):
    peer, recorder = RTCPeerConnection(), MediaRecorder(recording)
    connected = asyncio.Event()
    peer.addTrack(Tone(float(hertz)))

    @peer.on("track")
    def heard(track):
        recorder.addTrack(track)

    @peer.on("connectionstatechange")
    def changed():
        if peer.connectionState == "connected":
            connected.set()

    await peer.setLocalDescription(await peer.createOffer())
    sip = Sip((server, int(port)), uri)
    answer = await asyncio.to_thread(sip.invite, peer.localDescription.sdp)
    await peer.setRemoteDescription(RTCSessionDescription(answer, "answer"))
    await recorder.start()
    await asyncio.wait_for(connected.wait(), 20)
    print("connected", flush=True)
    await asyncio.sleep(float(seconds))
    await recorder.stop()
    await asyncio.to_thread(sip.hang_up)
    await peer.close()
    print("done", flush=True)


asyncio.run(main(*sys.argv[1:]))
