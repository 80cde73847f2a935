//! Where a request may be sent because somebody from outside named the place: not to an address that he could not reach
//! himself.
//!
//! Else a guest on the Internet could have us knock at machines of our own network: RFC 1918, 6598, 3927, 4193 and
//! loopback mean something else here than where he is. A name is looked at each time it has been resolved, so that one
//! which means something else the next time gains nothing.

use std::net::IpAddr;

/// From where an address can be reached, the narrowest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Realm {
    Host,
    Link,
    Private,
    World,
}

/// Whether something may be sent to `target` for somebody who is at `asker`.
pub fn may_reach(asker: IpAddr, target: IpAddr) -> bool {
    let (asker, target) = (asker.to_canonical(), target.to_canonical());
    if target.is_unspecified() || target.is_multicast() || target == IpAddr::from([255, 255, 255, 255]) {
        return false;
    }
    match realm(target) {
        Realm::World => true,
        Realm::Private => realm(asker) <= Realm::Private,
        // What hands out credentials to machines of a cloud is there too: not even from this host.
        Realm::Link => realm(asker) == Realm::Link,
        Realm::Host => realm(asker) == Realm::Host,
    }
}

fn realm(address: IpAddr) -> Realm {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            match v4 {
                v4 if v4.is_loopback() => Realm::Host,
                v4 if v4.is_link_local() => Realm::Link,
                v4 if v4.is_private() || a == 100 && (64..128).contains(&b) => Realm::Private,
                _ => Realm::World,
            }
        }
        IpAddr::V6(v6) if v6.is_loopback() => Realm::Host,
        IpAddr::V6(v6) if v6.is_unicast_link_local() => Realm::Link,
        IpAddr::V6(v6) if v6.is_unique_local() => Realm::Private,
        IpAddr::V6(_) => Realm::World,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reaches(asker: &str, target: &str) -> bool {
        may_reach(asker.parse().expect("an address"), target.parse().expect("an address"))
    }

    #[test]
    fn from_the_world_only_the_world_is_called() {
        for inside in ["127.0.0.1", "::1", "::ffff:127.0.0.1", "10.0.0.1", "100.64.0.1", "169.254.169.254", "fd00::1"] {
            assert!(!reaches("203.0.113.9", inside), "{inside}");
        }
        assert!(reaches("203.0.113.9", "198.51.100.1") && reaches("203.0.113.9", "2001:db8::1"));
    }

    #[test]
    fn from_inside_everybody_is_called_but_what_is_nobody() {
        assert!(
            reaches("10.0.0.9", "192.168.1.1") && reaches("127.0.0.1", "10.0.0.1") && reaches("10.0.0.9", "8.8.8.8")
        );
        assert!(reaches("127.0.0.1", "127.0.0.2") && !reaches("10.0.0.9", "127.0.0.1"));
        for nobody in ["0.0.0.0", "::", "224.0.0.1", "255.255.255.255", "169.254.169.254"] {
            assert!(!reaches("127.0.0.1", nobody), "{nobody}");
        }
    }
}
