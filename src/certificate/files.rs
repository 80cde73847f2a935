//! Everything that TLS takes from files, read as one: whichever of them is unusable, nothing changes.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use plenary_sip::net::{AskClients, TlsConfigs, VerifyServer, server_config};
use rustls::ServerConfig;

use super::identity::{CertificateError, Identity, read};

/// Where Debian and Red Hat keep the authorities that the system believes.
const SYSTEM_AUTHORITIES: [&str; 2] = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"];

/// The files, as configured.
#[derive(Clone, Debug)]
pub struct CertificateFiles {
    /// Certificate and key; absent, the self-signed one of `directory`.
    pub own: Option<(PathBuf, PathBuf)>,
    pub directory: PathBuf,
    /// What a self-signed one is made for.
    pub names: Vec<String>,
    /// More certificates with their keys, for the names that stand in them.
    pub further: Vec<(PathBuf, PathBuf)>,
    /// Authorities of SIP clients, and whether each must show a certificate.
    pub clients: Option<(PathBuf, bool)>,
    pub servers: WhoMay,
}

/// Which servers we open TLS connections to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WhoMay {
    /// Any.
    Anybody,
    /// Those that prove the host asked for, by an authority of this file or of the system's.
    Proven { authorities: Option<PathBuf>, wildcards: Vec<String> },
}

/// What the files made.
#[derive(Clone, Debug)]
pub struct Material {
    /// The certificate of whoever asks for no name.
    pub identity: Identity,
    pub sip: TlsConfigs,
    pub https: Arc<ServerConfig>,
}

impl CertificateFiles {
    pub fn load(&self) -> Result<Material, CertificateError> {
        let identity = match &self.own {
            Some((certificate, key)) => Identity::load(certificate, key)?,
            None => Identity::load_or_make(&self.directory, &self.names)?,
        };
        let mut own = vec![identity.certified()];
        for (certificate, key) in &self.further {
            own.push(Identity::load(certificate, key)?.certified());
        }
        let clients = self.clients.as_ref().map(|(path, required)| {
            Ok(AskClients { authorities_pem: read(path)?, required: *required }).map(|ask| (path, ask))
        });
        let clients = clients.transpose()?;
        let path = clients.as_ref().map_or(Path::new(""), |(path, _)| path);
        let sip = server_config(own.clone(), clients.as_ref().map(|(_, ask)| ask), &[]).map_err(no_authority(path))?;
        let https = server_config(own, None, &[b"h2", b"http/1.1"]).map_err(no_authority(path))?;
        let (authorities, verify) = self.verify()?;
        let sip = TlsConfigs::new(Some(sip), &verify, Some(identity.certified()));
        Ok(Material { identity, sip: sip.map_err(no_authority(&authorities))?, https })
    }

    /// All that [`Self::load`] reads.
    pub fn paths(&self) -> Vec<PathBuf> {
        let own = match &self.own {
            Some(own) => own.clone(),
            None => (self.directory.join("cert.pem"), self.directory.join("key.pem")),
        };
        let pairs = [own].into_iter().chain(self.further.iter().cloned());
        let authorities = match &self.servers {
            WhoMay::Proven { authorities: Some(path), .. } => Some(path.clone()),
            _ => None,
        };
        let clients = self.clients.iter().map(|(path, _)| path.clone());
        pairs.flat_map(|(certificate, key)| [certificate, key]).chain(clients).chain(authorities).collect()
    }

    fn verify(&self) -> Result<(PathBuf, VerifyServer), CertificateError> {
        let WhoMay::Proven { authorities, wildcards } = &self.servers else {
            return Ok((PathBuf::new(), VerifyServer::Nobody));
        };
        let system = || SYSTEM_AUTHORITIES.into_iter().map(PathBuf::from).find(|path| path.is_file());
        // A machine without authorities believes nobody; that is no reason not to serve phones.
        let Some(path) = authorities.clone().or_else(system) else {
            return Ok((PathBuf::new(), VerifyServer::Authorities { pem: Vec::new(), wildcards: wildcards.clone() }));
        };
        let pem = read(&path)?;
        Ok((path, VerifyServer::Authorities { pem, wildcards: wildcards.clone() }))
    }
}

fn no_authority<E: std::fmt::Display>(path: &Path) -> impl Fn(E) -> CertificateError {
    let path = path.to_owned();
    move |fault| CertificateError::NoAuthority { path: path.clone(), fault: fault.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(name: &str) -> CertificateFiles {
        let directory = std::env::temp_dir().join(format!("plenary-files-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&directory);
        CertificateFiles {
            own: None,
            directory,
            names: vec!["localhost".into()],
            further: Vec::new(),
            clients: None,
            servers: WhoMay::Anybody,
        }
    }

    #[test]
    fn every_file_is_read_and_watched() {
        let mut files = files("all");
        let (certificate, key) = (files.directory.join("cert.pem"), files.directory.join("key.pem"));
        let made = files.load().expect("made");
        assert_eq!(made.https.alpn_protocols, [&b"h2"[..], b"http/1.1"]);
        files.further = vec![(certificate.clone(), key.clone())];
        files.clients = Some((certificate.clone(), true));
        files.servers = WhoMay::Proven { authorities: Some(certificate.clone()), wildcards: Vec::new() };
        assert!(files.load().is_ok());
        let expected = [&certificate, &key, &certificate, &key, &certificate, &certificate];
        assert_eq!(files.paths().iter().collect::<Vec<_>>(), expected);

        files.clients = Some((key.clone(), false));
        let fault = files.load().expect_err("a key is no authority").to_string();
        assert!(fault.contains("no certificate authority can be taken from") && fault.contains("key.pem"), "{fault}");
        files.clients = Some((files.directory.join("none.pem"), false));
        let fault = files.load().expect_err("not there").to_string();
        assert!(fault.ends_with("none.pem cannot be read"), "{fault}");
        let _ = std::fs::remove_dir_all(&files.directory);
    }
}
