//! Numbers in place of names: the month key and what is derived of it.
//!
//! The month key comes from the collector's secret, the month, the scope and the version, so that closing again gives the
//! same numbers and nobody without the secret can compute one. Three keys come of it: device numbers of the public set,
//! device numbers of the sealed set, row numbers. The two device numbers differ on purpose: an audit that quotes "device
//! 3f… gave 40 % of the samples" does not point at rows of the public set.

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit as _, Mac as _};
use ispeed_protocol::Month;
use ispeed_protocol::signing::{SecretKey, hex};
use sha2::Sha256;
use uuid::Uuid;
use zeroize::Zeroizing;

/// Bytes of a device number: among a million devices two are equal with a chance of 3 in 100 million.
const DEVICE_BYTES: usize = 8;
/// Bytes of a row number.
const ROW_BYTES: usize = 16;

/// The secret of one closed month.
#[derive(Clone)]
pub(crate) struct MonthKey(Zeroizing<[u8; 32]>);

impl MonthKey {
    /// Of the collector's secret.
    pub(crate) fn derive(secret: &SecretKey, month: Month, scope: &str, version: u32) -> Self {
        let seed = Zeroizing::new(secret.to_bytes());
        Self(expand(&*seed, &format!("ispeed month key v1 {month} {scope} {version}")))
    }

    /// As the closed record keeps it.
    pub(crate) fn text(&self) -> String {
        hex(&*self.0)
    }

    /// Reads [`MonthKey::text`].
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut bytes = Zeroizing::new([0; 32]);
        if text.len() != 64 || !text.is_ascii() {
            return None;
        }
        for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
        }
        Some(Self(bytes))
    }

    /// The numbers of this month.
    pub(crate) fn numbers(&self) -> Numbers {
        let mac = |label: &str| {
            let key = expand(&*self.0, label);
            Hmac::<Sha256>::new_from_slice(&*key).expect("HMAC takes a key of any length")
        };
        Numbers {
            public: mac("ispeed month public device v1"),
            sealed: mac("ispeed month sealed device v1"),
            row: mac("ispeed month row v1"),
        }
    }
}

impl std::fmt::Debug for MonthKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MonthKey")
    }
}

fn expand(secret: &[u8], info: &str) -> Zeroizing<[u8; 32]> {
    let mut out = Zeroizing::new([0; 32]);
    Hkdf::<Sha256>::new(None, secret)
        .expand(info.as_bytes(), out.as_mut())
        .expect("32 bytes are within HKDF's limit of 255 × 32");
    out
}

/// Makes the numbers.
#[derive(Clone)]
pub(crate) struct Numbers {
    public: Hmac<Sha256>,
    sealed: Hmac<Sha256>,
    row: Hmac<Sha256>,
}

impl Numbers {
    /// Of a device, in the public set.
    pub(crate) fn public_device(&self, device_id: &str) -> String {
        hex(&digest(&self.public, device_id.as_bytes())[..DEVICE_BYTES])
    }

    /// Of a device, in the sealed set.
    pub(crate) fn sealed_device(&self, device_id: &str) -> String {
        hex(&digest(&self.sealed, device_id.as_bytes())[..DEVICE_BYTES])
    }

    /// Of a sample: rows are sorted by it, so that their order tells nothing of times and ids.
    pub(crate) fn row(&self, id: Uuid) -> String {
        hex(&digest(&self.row, id.as_bytes())[..ROW_BYTES])
    }
}

fn digest(mac: &Hmac<Sha256>, bytes: &[u8]) -> [u8; 32] {
    let mut mac = mac.clone();
    mac.update(bytes);
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_depend_on_secret_month_scope_and_version_and_on_nothing_else() {
        let secret = SecretKey::from_bytes(&[7; 32]);
        let month: Month = "2026-10".parse().unwrap();
        let number = |secret: &SecretKey, month: Month, scope: &str, version| {
            MonthKey::derive(secret, month, scope, version).numbers().public_device("d")
        };
        let first = number(&secret, month, "VN", 1);
        assert_eq!(first, number(&secret, month, "VN", 1));
        assert_eq!(first.len(), 16);
        for other in [
            number(&SecretKey::from_bytes(&[8; 32]), month, "VN", 1),
            number(&secret, month.next(), "VN", 1),
            number(&secret, month, "75", 1),
            number(&secret, month, "VN", 2),
            MonthKey::derive(&secret, month, "VN", 1).numbers().sealed_device("d"),
        ] {
            assert_ne!(first, other);
        }
        let key = MonthKey::derive(&secret, month, "VN", 1);
        assert_eq!(MonthKey::parse(&key.text()).unwrap().text(), key.text());
        assert!(MonthKey::parse("7f").is_none() && MonthKey::parse(&"é".repeat(32)).is_none());
    }
}
