//! The registrar as the API sees it.

use time::OffsetDateTime;

use crate::api::{Later, Registration, Registrations};
use crate::registrar::RegistrarHandle;

impl Registrations for RegistrarHandle {
    fn of<'a>(&'a self, account: &'a str) -> Later<'a, Vec<Registration>> {
        Box::pin(async move {
            let bindings = self.registrations(account).await.into_iter();
            let shown = bindings.map(|binding| Registration {
                contact: binding.contact,
                transport: binding.transport.via_name().to_ascii_lowercase(),
                user_agent: Some(binding.user_agent).filter(|name| !name.is_empty()),
                expires: OffsetDateTime::from_unix_timestamp(binding.expires_at).unwrap_or(OffsetDateTime::UNIX_EPOCH),
            });
            shown.collect()
        })
    }

    fn forget<'a>(&'a self, account: &'a str) -> Later<'a, ()> {
        Box::pin(self.remove(account))
    }
}
