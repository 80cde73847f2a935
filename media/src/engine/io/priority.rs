//! Audio before everything else: setpriority(2) for the calling thread alone.
#![allow(unsafe_code)]

/// As PulseAudio and PipeWire ask for their threads.
const NICE: i32 = -11;

/// Puts the calling thread before others. A wish: without the right to it (CAP_SYS_NICE) nothing changes.
pub(crate) fn raise() {
    // SAFETY: setpriority takes no pointers. On Linux 0 names the calling thread, not its process.
    unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, NICE) };
}
