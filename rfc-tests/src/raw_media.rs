//! The media of a phone that a test plays: RTP written octet by octet, SRTP by `webrtc-srtp`, which is not ours.

mod packet;
mod srtp;
pub mod stun;

use std::collections::VecDeque;
use std::f64::consts::TAU;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use plenary_media::codec::{Encoded, Encoder, make_decoder, make_encoder};
use plenary_media::plan::{AudioCodec, OpusWishes};

pub use packet::RawRtp;
pub use srtp::{RawSrtp, SUITES, Suite, crypto_lines};

use crate::tones;

pub const FRAME: Duration = Duration::from_millis(20);
const LONGEST: usize = 65_536;
/// Of full scale.
const LOUDNESS: f64 = 0.25;

/// Two ports, a voice that says one tone, and an ear.
pub struct RawMedia {
    pub rtp: UdpSocket,
    pub rtcp: UdpSocket,
    /// Where the server's description wants RTP and RTCP.
    pub server: Option<(SocketAddr, SocketAddr)>,
    pub srtp: Option<RawSrtp>,
    /// The next packet's.
    pub next: RawRtp,
    codec: AudioCodec,
    encoder: Box<dyn Encoder>,
    hertz: f64,
    said: usize,
    reports: VecDeque<Vec<u8>>,
    /// Datagrams that were neither RTP nor RTCP that could be opened.
    pub others: Vec<Vec<u8>>,
}

impl RawMedia {
    /// On loopback, speaking G.711 at this pitch.
    pub fn new(hertz: f64) -> anyhow::Result<Self> {
        Self::speaking(AudioCodec::Pcmu, 0, hertz)
    }

    pub fn speaking(codec: AudioCodec, payload_type: u8, hertz: f64) -> anyhow::Result<Self> {
        Self::at(Ipv4Addr::LOCALHOST, codec, payload_type, hertz)
    }

    pub fn at(address: Ipv4Addr, codec: AudioCodec, payload_type: u8, hertz: f64) -> anyhow::Result<Self> {
        let (rtp, rtcp) = pair_of_ports(address)?;
        let ssrc = u32::from(rtp.local_addr()?.port()) << 8 | 0x4100_0000;
        let next = RawRtp { payload_type, ssrc, sequence: 1_000, timestamp: 160_000, ..RawRtp::default() };
        Ok(Self {
            rtp,
            rtcp,
            server: None,
            srtp: None,
            next,
            codec,
            encoder: make_encoder(codec, OpusWishes::default())?,
            hertz,
            said: 0,
            reports: VecDeque::new(),
            others: Vec::new(),
        })
    }

    pub fn port(&self) -> u16 {
        self.rtp.local_addr().map_or(0, |address| address.port())
    }

    pub fn address(&self) -> IpAddr {
        self.rtp.local_addr().map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |address| address.ip())
    }

    /// One audio line: `audio`: profile and formats; `lines`: what follows, with their CRLF.
    pub fn sdp(&self, audio: &str, lines: &str) -> String {
        let (address, port) = (self.address(), self.port());
        format!(
            "v=0\r\no=- 1 1 IN IP4 {address}\r\ns=-\r\nc=IN IP4 {address}\r\nt=0 0\r\nm=audio {port} {audio}\r\n{lines}"
        )
    }

    /// Learns from the server's description where it hears.
    pub fn follow(&mut self, description: &str) -> anyhow::Result<()> {
        let value = |prefix: &str| description.lines().find_map(|line| line.strip_prefix(prefix)).map(str::trim);
        let address: IpAddr = value("c=IN IP4 ").context("no address")?.parse()?;
        let audio = description.lines().filter_map(|line| line.strip_prefix("m=audio "));
        let port = audio.filter_map(|line| line.split(' ').next()?.parse::<u16>().ok()).find(|port| *port != 0);
        let port = port.with_context(|| format!("no audio in\n{description}"))?;
        let named = value("a=rtcp:").and_then(|rtcp| rtcp.split(' ').next()?.parse::<u16>().ok());
        let muxed = description.lines().any(|line| line == "a=rtcp-mux");
        let rtcp = if muxed { port } else { named.unwrap_or(port + 1) };
        self.server = Some((SocketAddr::new(address, port), SocketAddr::new(address, rtcp)));
        Ok(())
    }

    /// The next twenty milliseconds of the voice.
    pub fn packet(&mut self) -> anyhow::Result<RawRtp> {
        let rate = self.encoder.sample_rate();
        let level = LOUDNESS * 32_767.0;
        let samples: Vec<i16> = (self.said..self.said + rate.samples(FRAME))
            .map(|n| (level * (TAU * self.hertz * n as f64 / f64::from(rate.hz())).sin()) as i16)
            .collect();
        self.said += samples.len();
        let mut octets = [0; 1_500];
        let payload = match self.encoder.encode(&samples, &mut octets)? {
            Encoded::Payload(len) => octets[..len].to_vec(),
            _ => Vec::new(),
        };
        Ok(self.packet_of(payload))
    }

    /// A packet with this payload, numbered as the next.
    pub fn packet_of(&mut self, payload: Vec<u8>) -> RawRtp {
        let packet = RawRtp { payload, ..self.next.clone() };
        self.next.sequence = self.next.sequence.wrapping_add(1);
        self.next.timestamp = self.next.timestamp.wrapping_add(self.codec.clock_rate() / 50);
        packet
    }

    /// The packet as it goes over the wire: sealed, where there are keys.
    pub fn sealed(&mut self, packet: &RawRtp) -> anyhow::Result<Vec<u8>> {
        let octets = packet.octets();
        match &mut self.srtp {
            Some(srtp) => srtp.seal_rtp(&octets),
            None => Ok(octets),
        }
    }

    pub fn send(&mut self, packet: &RawRtp) -> anyhow::Result<()> {
        let octets = self.sealed(packet)?;
        self.send_octets(&octets)
    }

    pub fn send_octets(&self, octets: &[u8]) -> anyhow::Result<()> {
        let (rtp, _) = self.server.context("follow an answer first")?;
        self.rtp.send_to(octets, rtp)?;
        Ok(())
    }

    /// RTCP in clear, from the port for it, or from that of RTP where they are one.
    pub fn send_clear_rtcp(&self, octets: &[u8]) -> anyhow::Result<()> {
        let (rtp, rtcp) = self.server.context("follow an answer first")?;
        let socket = if rtp == rtcp { &self.rtp } else { &self.rtcp };
        socket.send_to(octets, rtcp)?;
        Ok(())
    }

    /// RTCP, sealed where there are keys.
    pub fn send_rtcp(&mut self, octets: &[u8]) -> anyhow::Result<()> {
        let octets = match &mut self.srtp {
            Some(srtp) => srtp.seal_rtcp(octets)?,
            None => octets.to_vec(),
        };
        self.send_clear_rtcp(&octets)
    }

    /// The server's next packet, opened; none within this time.
    pub fn hear(&mut self, within: Duration) -> anyhow::Result<Option<RawRtp>> {
        let give_up = Instant::now() + within;
        let mut buffer = vec![0; LONGEST];
        loop {
            let left = give_up.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
            self.rtp.set_read_timeout(Some(left))?;
            match self.rtp.recv_from(&mut buffer) {
                Ok((len, _)) => {
                    if let Some(packet) = self.take(&buffer[..len]) {
                        return Ok(Some(packet));
                    }
                }
                Err(_) if give_up <= Instant::now() => return Ok(None),
                Err(_) => {}
            }
        }
    }

    /// Sorts a datagram; gives RTP.
    fn take(&mut self, datagram: &[u8]) -> Option<RawRtp> {
        let is_rtcp = datagram.len() > 1 && datagram[0] >> 6 == 2 && (192..=223).contains(&datagram[1]);
        if is_rtcp {
            self.take_report(datagram);
            return None;
        }
        let opened = match &mut self.srtp {
            Some(srtp) => srtp.open_rtp(datagram).ok(),
            None => Some(datagram.to_vec()),
        };
        let packet = opened.and_then(|octets| RawRtp::read(&octets));
        if packet.is_none() {
            self.others.push(datagram.to_vec());
        }
        packet
    }

    fn take_report(&mut self, datagram: &[u8]) {
        let opened = match &mut self.srtp {
            Some(srtp) => srtp.open_rtcp(datagram).ok(),
            None => Some(datagram.to_vec()),
        };
        match opened {
            Some(report) => self.reports.push_back(report),
            None => self.others.push(datagram.to_vec()),
        }
    }

    /// The server's next RTCP, opened, while the voice goes on.
    pub fn report(&mut self, within: Duration) -> anyhow::Result<Vec<u8>> {
        let give_up = Instant::now() + within;
        let mut buffer = vec![0; LONGEST];
        while Instant::now() < give_up {
            if let Some(report) = self.reports.pop_front() {
                return Ok(report);
            }
            self.talk(1)?;
            self.rtcp.set_nonblocking(true)?;
            while let Ok(len) = self.rtcp.recv(&mut buffer) {
                self.take_report(&buffer[..len]);
            }
        }
        anyhow::bail!("no RTCP within {within:?}")
    }

    /// Says so many frames in their time, and gives what came meanwhile.
    pub fn talk(&mut self, frames: u32) -> anyhow::Result<Vec<RawRtp>> {
        self.meanwhile(frames, |media, _| {
            let packet = media.packet()?;
            media.send(&packet)
        })
    }

    /// Does `each` every twenty milliseconds, and gives what came meanwhile.
    pub fn meanwhile(
        &mut self,
        frames: u32,
        mut each: impl FnMut(&mut Self, u32) -> anyhow::Result<()>,
    ) -> anyhow::Result<Vec<RawRtp>> {
        let start = Instant::now();
        let mut heard = Vec::new();
        for frame in 0..frames {
            each(self, frame)?;
            let due = start + FRAME * (frame + 1);
            while Instant::now() < due {
                heard.extend(self.hear(due.saturating_duration_since(Instant::now()))?);
            }
        }
        Ok(heard)
    }

    /// Level of a tone in these packets, dBFS; of nothing, that of silence.
    ///
    /// It is the mean power of fifths of a second: where a packet was late the tone's phase jumps, and over a longer time
    /// what was heard before and after the jump would cancel out.
    pub fn level(&self, packets: &[RawRtp], hertz: f64) -> anyhow::Result<f64> {
        let mut decoder = make_decoder(self.codec)?;
        let rate = decoder.sample_rate();
        let mut samples = Vec::new();
        for packet in packets.iter().filter(|packet| packet.payload_type == self.next.payload_type) {
            let mut pcm = vec![0; rate.samples(FRAME)];
            decoder.decode(&packet.payload, &mut pcm)?;
            samples.extend(pcm);
        }
        let spans = (samples.len() * 5 / rate.hz() as usize).max(1);
        let powers: Vec<f64> = samples
            .chunks(samples.len().div_ceil(spans).max(1))
            .map(|span| 10_f64.powf(tones::level(span, rate.hz(), hertz) / 10.0))
            .collect();
        let mean = powers.iter().sum::<f64>() / powers.len().max(1) as f64;
        Ok(10.0 * mean.max(1e-12).log10())
    }

    /// Says a second, of which the last half is heard with this tone in it.
    pub fn hears(&mut self, hertz: f64) -> anyhow::Result<()> {
        let heard = self.talk(50)?;
        let late = &heard[heard.len() / 2..];
        let level = self.level(late, hertz)?;
        ensure!(level > -30.0, "{hertz} Hz at {level:.1} dBFS in {} packets", heard.len());
        Ok(())
    }

    /// Says a second, of which the last half is without this tone.
    pub fn hears_no(&mut self, hertz: f64) -> anyhow::Result<()> {
        let heard = self.talk(50)?;
        let level = self.level(&heard[heard.len() / 2..], hertz)?;
        ensure!(level < -50.0, "{hertz} Hz at {level:.1} dBFS");
        Ok(())
    }

    /// Forgets what waits.
    pub fn drain(&mut self) -> anyhow::Result<()> {
        while self.hear(Duration::from_millis(1))?.is_some() {}
        Ok(())
    }
}

impl std::fmt::Debug for RawMedia {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RawMedia").field("port", &self.port()).field("server", &self.server).finish_non_exhaustive()
    }
}

/// An even port and the next.
fn pair_of_ports(address: Ipv4Addr) -> anyhow::Result<(UdpSocket, UdpSocket)> {
    for _ in 0..100 {
        let rtp = UdpSocket::bind((address, 0))?;
        let port = rtp.local_addr()?.port();
        if port.is_multiple_of(2)
            && let Ok(rtcp) = UdpSocket::bind((address, port + 1))
        {
            return Ok((rtp, rtcp));
        }
    }
    anyhow::bail!("no pair of ports is free")
}
