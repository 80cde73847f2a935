//! How many sockets the process may have: getrlimit(2) and setrlimit(2).
#![allow(unsafe_code)]

/// Raises the number of descriptors that the process may open to what the system lets it have. A leg takes two, and the
/// usual limit of 1024 would end at 500 legs; the administrator's hard limit stays. Returns the limit then in force.
pub(crate) fn raise_limit() -> u64 {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is one rlimit, written before the call returns.
    if unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) } != 0 {
        return 0;
    }
    let raised = libc::rlimit { rlim_cur: limit.rlim_max, ..limit };
    // SAFETY: `raised` is one rlimit, read before the call returns.
    let set = unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const raised) };
    if set == 0 { raised.rlim_cur } else { limit.rlim_cur }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_raised_to_the_hard_one_and_stays() {
        let raised = raise_limit();
        assert!(raised >= 1_024, "{raised}");
        assert_eq!(raise_limit(), raised);
    }
}
