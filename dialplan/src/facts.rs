//! What is known of a request before it is routed.

/// The facts of one request. Whoever asks has looked up the account and the request's user beforehand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Facts<'a> {
    /// `user@host` of the From header: what the caller says of itself, proven only as far as `caller` says.
    pub from: &'a str,
    pub caller: Caller<'a>,
    /// `udp`, `tcp`, `tls`, `ws` or `wss`.
    pub transport: &'a str,
    /// `sip`, `sips` or `tel`.
    pub scheme: &'a str,
    /// User part of the Request-URI, unescaped; of a tel URI the number with its `+`.
    pub user: &'a str,
    /// Host part of the Request-URI; empty for tel.
    pub host: &'a str,
    /// The host is this server's domain or an alias, or the URI is a tel URI.
    pub local: bool,
    /// What `user` is on this server.
    pub known: Option<Known<'a>>,
}

/// Who calls, as far as it is proven.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Caller<'a> {
    /// Nobody we know, or not yet: the first INVITE of a phone has no credentials.
    #[default]
    Guest,
    /// Passed the digest as this account.
    Account(&'a str),
    /// Comes from the addresses of this trunk.
    Trunk(&'a str),
}

/// What a user part stands for on this server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known<'a> {
    Account,
    /// A stored or running conference, by number or alias.
    Conference {
        number: &'a str,
    },
    Factory,
    Echo,
    Entrance,
}
