// Runs in the page: JsSIP, a fake microphone, and an ear that looks for tones in what it hears.
import JsSIP from "jssip";

/** A tone is heard when it is this much above each that should not be there. */
const CLEAR_DB = 15;
const AUDIBLE_DBFS = -70;

window.startPhone = (wish) => {
  const socket = new JsSIP.WebSocketInterface(`${wish.url.replace(/^http/, "ws")}/sip`);
  const phone = new JsSIP.UA({ sockets: [socket], uri: `sip:${wish.account}@${wish.domain}`, password: wish.password });
  phone.on("registered", () => {
    tell({ event: "registered" });
    if (wish.dial) phone.call(wish.dial, media(wish));
  });
  phone.on("registrationFailed", ({ cause }) => tell({ event: "ended", cause }));
  phone.on("newRTCSession", ({ session, originator }) => {
    follow(session, wish);
    if (originator === "remote") session.answer(media(wish));
  });
  phone.start();
};

/** The processing of a headset would take a steady tone for noise. */
const media = ({ video }) => ({
  mediaConstraints: {
    audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false },
    video: Boolean(video),
  },
  pcConfig: { iceServers: [] },
});

function follow(session, wish) {
  const listenTo = (connection) => {
    connection.addEventListener("track", ({ track, streams }) => {
      if (track.kind === "audio") listen(streams[0] ?? new MediaStream([track]), connection, wish);
    });
  };
  if (session.connection) listenTo(session.connection);
  session.on("peerconnection", ({ peerconnection }) => listenTo(peerconnection));
  session.on("confirmed", () => tell({ event: "in" }));
  session.on("failed", ({ cause, message }) => tell({ event: "ended", cause, status: message?.status_code }));
  session.on("ended", ({ cause }) => tell({ event: "ended", cause }));
}

function listen(stream, connection, wish) {
  // Chromium moves remote sound only when an element plays it.
  const element = new Audio();
  element.srcObject = stream;
  element.muted = true;
  element.play();
  const context = new AudioContext();
  const analyser = new AnalyserNode(context, { fftSize: 16384, smoothingTimeConstant: 0.5 });
  context.createMediaStreamSource(stream).connect(analyser);
  const bins = new Float32Array(analyser.frequencyBinCount);
  const level = (hertz) => {
    const bin = Math.round((hertz * analyser.fftSize) / context.sampleRate);
    return Math.max(...bins.slice(bin - 3, bin + 4));
  };
  const timer = setInterval(async () => {
    analyser.getFloatFrequencyData(bins);
    const heard = wish.hears.map(level);
    const other = wish.not.map(level);
    if (Math.min(...heard) > Math.max(AUDIBLE_DBFS, ...other.map((db) => db + CLEAR_DB))) {
      clearInterval(timer);
      tell({ event: "hears", heard, other, ...(await secured(connection)) });
    }
  }, 100);
}

/** How the packets travel, by the browser's own account. */
async function secured(connection) {
  const reports = [...(await connection.getStats()).values()];
  const transport = reports.find(({ type }) => type === "transport") ?? {};
  const codec = reports.find(({ type, mimeType }) => type === "codec" && mimeType.startsWith("audio/"))?.mimeType;
  return { dtls: transport.dtlsState, srtp: transport.srtpCipher, codec };
}
