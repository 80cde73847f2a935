//! Whether a direction's packets are protected, and by what.

/// `T` is a protector or an unprotector.
#[derive(Debug)]
pub(super) enum Guard<T> {
    Plain,
    /// Nothing passes before the handshake.
    Awaited,
    Ready(Box<T>),
}

impl<T> Guard<T> {
    pub fn lets_pass(&self) -> bool {
        !matches!(self, Self::Awaited)
    }
}
