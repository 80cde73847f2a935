//! The functions of libopencore-amrwb and libvo-amrwbenc that we call, behind safe ones.
#![allow(unsafe_code)]

use std::ffi::{c_int, c_short, c_uchar, c_void};
use std::ptr::NonNull;

use super::{FRAME_SAMPLES, Mode, StoredFrame};

/// Octets of a stored frame at most: 477 bits and the header, and as much again as the library never writes.
const ENCODED: usize = 128;
/// Of `_good_frame`, `_bad_frame` …: the library goes by the frame's own header.
const GOOD_FRAME: c_int = 0;
#[link(name = "opencore-amrwb")]
unsafe extern "C" {
    fn D_IF_init() -> *mut c_void;
    fn D_IF_decode(state: *mut c_void, bits: *const c_uchar, synth: *mut c_short, bfi: c_int);
    fn D_IF_exit(state: *mut c_void);
}

#[link(name = "vo-amrwbenc")]
unsafe extern "C" {
    fn E_IF_init() -> *mut c_void;
    fn E_IF_encode(state: *mut c_void, mode: c_int, speech: *const c_short, out: *mut c_uchar, dtx: c_int) -> c_int;
    fn E_IF_exit(state: *mut c_void);
}

#[derive(Debug)]
pub(super) struct RawDecoder(NonNull<c_void>);

// SAFETY: the state holds no thread's own data, and is reached only through `&mut self`.
unsafe impl Send for RawDecoder {}

impl RawDecoder {
    /// `None`: no memory.
    pub fn new() -> Option<Self> {
        // SAFETY: takes nothing; returns a state of its own, or null.
        NonNull::new(unsafe { D_IF_init() }).map(Self)
    }

    pub fn decode(&mut self, frame: &StoredFrame, out: &mut [i16; FRAME_SAMPLES]) {
        // SAFETY: the state is alive until drop. The library reads a header octet and what its type needs, at most 60
        // octets, and a `StoredFrame` has 61 and one of the types that it knows; it writes 320 samples.
        unsafe { D_IF_decode(self.0.as_ptr(), frame.octets().as_ptr(), out.as_mut_ptr(), GOOD_FRAME) };
    }
}

impl Drop for RawDecoder {
    fn drop(&mut self) {
        // SAFETY: the state came from `D_IF_init` and is not used any more.
        unsafe { D_IF_exit(self.0.as_ptr()) };
    }
}

#[derive(Debug)]
pub(super) struct RawEncoder(NonNull<c_void>);

// SAFETY: as of the decoder.
unsafe impl Send for RawEncoder {}

impl RawEncoder {
    /// `None`: no memory.
    pub fn new() -> Option<Self> {
        // SAFETY: takes nothing; returns a state of its own, or null.
        NonNull::new(unsafe { E_IF_init() }).map(Self)
    }

    /// `may_pause`: the library decides whether to describe the frame only (DTX). `None`: it gave no frame.
    pub fn encode(&mut self, mode: Mode, pcm: &[i16; FRAME_SAMPLES], may_pause: bool) -> Option<StoredFrame> {
        let mut out = [0; ENCODED];
        // SAFETY: the state is alive until drop; 320 samples are read; at most 61 octets are written. The mode is one
        // of the nine that the library's tables have.
        let len = unsafe {
            E_IF_encode(self.0.as_ptr(), mode.number().into(), pcm.as_ptr(), out.as_mut_ptr(), may_pause.into())
        };
        StoredFrame::read(out.get(..usize::try_from(len).ok()?)?)
    }
}

impl Drop for RawEncoder {
    fn drop(&mut self) {
        // SAFETY: the state came from `E_IF_init` and is not used any more.
        unsafe { E_IF_exit(self.0.as_ptr()) };
    }
}
