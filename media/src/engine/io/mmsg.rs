//! Many datagrams in one call: recvmmsg(2).
#![allow(unsafe_code)]

use std::mem;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::time::Instant;

use super::stamp::{Clock, STAMP_LEN, Stamp};

/// Datagrams taken in one call. A leg sends one or two in a tick.
pub(crate) const BATCH: usize = 8;
/// Longer datagrams are dropped: no audio packet or report comes near an Ethernet frame's 1500.
pub(crate) const DATAGRAM_LEN: usize = 1600;

/// Buffers for one call's datagrams, used over and over.
pub(crate) struct ReceiveBatch {
    buffers: Box<[[u8; DATAGRAM_LEN]; BATCH]>,
    sources: [libc::sockaddr_storage; BATCH],
    stamps: [Stamp; BATCH],
}

impl ReceiveBatch {
    pub fn new() -> Self {
        // SAFETY: sockaddr_storage is a C struct of integers, for which all zeros is a value.
        let sources = unsafe { mem::zeroed() };
        Self { buffers: Box::new([[0; DATAGRAM_LEN]; BATCH]), sources, stamps: [Stamp::default(); BATCH] }
    }

    /// Takes what waits on the socket, oldest first, at most [`BATCH`]. Returns how many there were, those too long
    /// included.
    pub fn receive(&mut self, socket: &UdpSocket, each: &mut impl FnMut(&mut [u8], SocketAddr, Instant)) -> usize {
        // SAFETY: iovec and mmsghdr are C structs of integers and pointers, for which all zeros is a value.
        let (mut iovecs, mut headers): ([libc::iovec; BATCH], [libc::mmsghdr; BATCH]) = unsafe { mem::zeroed() };
        for (i, header) in headers.iter_mut().enumerate() {
            iovecs[i] = libc::iovec { iov_base: self.buffers[i].as_mut_ptr().cast(), iov_len: DATAGRAM_LEN };
            header.msg_hdr.msg_iov = &raw mut iovecs[i];
            header.msg_hdr.msg_iovlen = 1;
            header.msg_hdr.msg_name = (&raw mut self.sources[i]).cast();
            header.msg_hdr.msg_control = (&raw mut self.stamps[i]).cast();
            header.msg_hdr.msg_controllen = STAMP_LEN;
            header.msg_hdr.msg_namelen = mem::size_of::<libc::sockaddr_storage>() as libc::socklen_t;
        }
        let (fd, flags) = (socket.as_raw_fd(), libc::MSG_DONTWAIT);
        // SAFETY: each header points to its own iovec, buffer, source and stamp, which all outlive the call.
        let received = unsafe { libc::recvmmsg(fd, headers.as_mut_ptr(), BATCH as u32, flags, std::ptr::null_mut()) };
        let received = usize::try_from(received).unwrap_or(0);
        if received == 0 {
            return 0;
        }
        let clock = Clock::now();
        for (i, header) in headers.iter().enumerate().take(received) {
            let whole = header.msg_hdr.msg_flags & libc::MSG_TRUNC == 0;
            let datagram = self.buffers[i].get_mut(..header.msg_len as usize);
            if let (true, Some(datagram), Some(source)) = (whole, datagram, address(&self.sources[i])) {
                each(datagram, source, clock.arrival(&self.stamps[i], header.msg_hdr.msg_controllen));
            }
        }
        received
    }
}

fn address(storage: &libc::sockaddr_storage) -> Option<SocketAddr> {
    let start = std::ptr::from_ref(storage);
    match i32::from(storage.ss_family) {
        libc::AF_INET => {
            // SAFETY: the kernel says that an IPv4 address stands here; storage is larger and aligned for all kinds.
            let v4 = unsafe { &*start.cast::<libc::sockaddr_in>() };
            let ip = Ipv4Addr::from_bits(u32::from_be(v4.sin_addr.s_addr));
            Some((ip, u16::from_be(v4.sin_port)).into())
        }
        libc::AF_INET6 => {
            // SAFETY: as above, for IPv6.
            let v6 = unsafe { &*start.cast::<libc::sockaddr_in6>() };
            let ip = Ipv6Addr::from(v6.sin6_addr.s6_addr);
            Some((ip.to_canonical(), u16::from_be(v6.sin6_port)).into())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn datagrams_come_in_order_with_their_source() {
        for bind in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(socket) = UdpSocket::bind(bind) else { continue };
            let sender = UdpSocket::bind(bind).expect("a second socket");
            let to = socket.local_addr().expect("bound");
            for text in ["one", "two", "three"] {
                sender.send_to(text.as_bytes(), to).expect("sent");
            }
            let mut got = Vec::new();
            let mut batch = ReceiveBatch::new();
            let count = batch.receive(&socket, &mut |datagram, source, _| {
                assert_eq!(source, sender.local_addr().expect("bound"));
                got.push(String::from_utf8_lossy(datagram).into_owned());
            });
            assert_eq!((count, got.join(" ")), (3, "one two three".to_owned()));
            assert_eq!(batch.receive(&socket, &mut |_, _, _| panic!("nothing is left")), 0);
        }
    }

    #[test]
    fn a_datagram_longer_than_the_buffer_is_dropped() {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        socket.send_to(&[0x80; DATAGRAM_LEN + 1], socket.local_addr().expect("bound")).expect("sent");
        assert_eq!(ReceiveBatch::new().receive(&socket, &mut |_, _, _| panic!("too long")), 1);
    }
}
