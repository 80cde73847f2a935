//! Session keys out of a master key: RFC 3711 §4.3, with the AES-256 of RFC 6188 §3 and the salt of RFC 7714 §11.
//!
//! The key derivation rate is zero, the only one that anybody negotiates, so each key is derived once.

use aws_lc_rs::cipher::{AES_128, AES_256, EncryptingKey, EncryptionContext, UnboundCipherKey};
use aws_lc_rs::iv::FixedLength;

/// Which key is derived (§4.3.1, §4.3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Label {
    RtpEncryption = 0,
    RtpAuthentication = 1,
    RtpSalt = 2,
    RtcpEncryption = 3,
    RtcpAuthentication = 4,
    RtcpSalt = 5,
}

/// An AES key in counter mode, of 16 or 32 octets.
pub fn counter_mode(key: &[u8]) -> Option<EncryptingKey> {
    let algorithm = if key.len() == 32 { &AES_256 } else { &AES_128 };
    EncryptingKey::ctr(UnboundCipherKey::new(algorithm, key).ok()?).ok()
}

/// Adds the key stream from `counter` on to `data`.
pub fn add_key_stream(key: &EncryptingKey, counter: [u8; 16], data: &mut [u8]) -> bool {
    key.less_safe_encrypt(data, EncryptionContext::Iv128(FixedLength::from(counter))).is_ok()
}

/// Fills `out` with the session key of this label. None when the master key is of no AES length.
pub fn derive(master_key: &[u8], master_salt: &[u8], label: Label, out: &mut [u8]) -> Option<()> {
    let mut counter = [0; 16];
    counter.get_mut(..master_salt.len().min(14))?.copy_from_slice(master_salt.get(..master_salt.len().min(14))?);
    counter[7] ^= label as u8;
    out.fill(0);
    add_key_stream(&counter_mode(master_key)?, counter, out).then_some(())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Octets of hexadecimal text.
    pub fn octets(hex: &str) -> Vec<u8> {
        let digits: Vec<u32> = hex.chars().filter_map(|c| c.to_digit(16)).collect();
        digits.chunks(2).map(|pair| (pair[0] << 4 | pair[1]) as u8).collect()
    }

    fn derived(key: &str, salt: &str, label: Label, len: usize) -> Vec<u8> {
        let mut out = vec![0; len];
        derive(&octets(key), &octets(salt), label, &mut out).expect("AES key");
        out
    }

    #[test]
    fn rfc_3711_b_3() {
        let (key, salt) = ("E1F97A0D3E018BE0D64FA32C06DE4139", "0EC675AD498AFEEBB6960B3AABE6");
        assert_eq!(derived(key, salt, Label::RtpEncryption, 16), octets("C61E7A93744F39EE10734AFE3FF7A087"));
        assert_eq!(derived(key, salt, Label::RtpSalt, 14), octets("30CBBC08863D8C85D49DB34A9AE1"));
        assert_eq!(
            derived(key, salt, Label::RtpAuthentication, 94),
            octets(
                "CEBE321F6FF7716B6FD4AB49AF256A156D38BAA48F0A0ACF3C34E2359E6CDBCE
                 E049646C43D9327AD175578EF72270986371C10C9A369AC2F94A8C5FBCDDDC25
                 6D6E919A48B610EF17C2041E474035766B68642C59BBFC2F34DB60DBDFB2"
            )
        );
    }

    #[test]
    fn rfc_3711_b_2() {
        let cipher = counter_mode(&octets("2B7E151628AED2A6ABF7158809CF4F3C")).expect("AES key");
        let mut stream = [0; 48];
        let counter = octets("F0F1F2F3F4F5F6F7F8F9FAFBFCFD0000").try_into().expect("16 octets");
        assert!(add_key_stream(&cipher, counter, &mut stream));
        assert_eq!(
            stream.to_vec(),
            octets(
                "E03EAD0935C95E80E166B16DD92B4EB4 D23513162B02D0F72A43A2FE4A5F97AB
                 41E95B3BB0A2E8DD477901E4FCA894C0"
            )
        );
    }

    #[test]
    fn rfc_6188_7_2() {
        let key = "F0F04914B513F2763A1B1FA130F10E2998F6F6E43E4309D1E622A0E332B9F1B6";
        let salt = "3B04803DE51EE7C96423AB5B78D2";
        assert_eq!(
            derived(key, salt, Label::RtpEncryption, 32),
            octets("5BA1064E30EC51613CAD926C5A28EF731EC7FB397F70A960653CAF06554CD8C4")
        );
        assert_eq!(derived(key, salt, Label::RtpSalt, 14), octets("FA31791685CA444A9E07C6C64E93"));
        assert_eq!(
            derived(key, salt, Label::RtpAuthentication, 20),
            octets("FD9C32D39ED5FBB5A9DC96B30818454D1313DC05")
        );
    }
}
