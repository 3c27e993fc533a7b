//! Signatures: Ed25519 (RFC 8032) over canonical JSON (RFC 8785) with a domain prefix.
//!
//! Signed objects hold strings, integers, booleans, `null`, arrays and objects only; a float would make the canonical
//! form depend on a number formatter, so it is refused. Any JCS library in any language can check a signature:
//! remove the member `signature`, canonicalise, prepend `<domain>\n`, verify strictly.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use thiserror::Error;

/// Why a signed object was refused.
#[derive(Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignatureError {
    /// The text of a key is not 32 bytes in base64url, or is a weak point.
    #[error("{0:?} is not a public key; expected 43 characters of base64url (32 bytes)")]
    Key(String),
    /// The text of a signature is not 64 bytes in base64url.
    #[error("the signature is not 86 characters of base64url (64 bytes)")]
    Encoding,
    /// The signature is not of this object by this key.
    #[error("the signature does not match: the object was changed, or signed by another key than {0}")]
    Mismatch(String),
    /// The object holds a number that is not an integer.
    #[error("a signed object may not hold the number {0}")]
    Float(String),
    /// The object could not be turned into JSON.
    #[error("not an object that can be signed: {0}")]
    Shape(String),
}

/// A public key: 32 bytes, written in base64url without padding (43 characters).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    /// Reads the text form; refuses points of small order.
    pub fn parse(text: &str) -> Result<Self, SignatureError> {
        let wrong = || SignatureError::Key(text.to_owned());
        let bytes: [u8; 32] = B64.decode(text).ok().and_then(|b| b.try_into().ok()).ok_or_else(wrong)?;
        let key = VerifyingKey::from_bytes(&bytes).map_err(|_| wrong())?;
        if key.is_weak() { Err(wrong()) } else { Ok(Self(key)) }
    }

    /// The text form.
    pub fn text(&self) -> String {
        B64.encode(self.0.as_bytes())
    }

    /// The 32 bytes.
    pub fn bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// Checks `signature` (base64url) over `domain`, a newline and `message`.
    pub fn verify(&self, domain: &str, message: &[u8], signature: &str) -> Result<(), SignatureError> {
        let bytes: [u8; 64] =
            B64.decode(signature).ok().and_then(|b| b.try_into().ok()).ok_or(SignatureError::Encoding)?;
        self.0
            .verify_strict(&prefixed(domain, message), &Signature::from_bytes(&bytes))
            .map_err(|_| SignatureError::Mismatch(self.text()))
    }
}

/// A secret key; wiped from memory when dropped.
#[derive(Clone)]
pub struct SecretKey(SigningKey);

impl SecretKey {
    /// From 32 secret bytes.
    pub fn from_bytes(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// The 32 secret bytes, to keep in a file only its owner can read.
    pub fn to_bytes(&self) -> [u8; 32] {
        self.0.to_bytes()
    }

    /// The public half.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }

    /// Signs `domain`, a newline and `message`; base64url.
    pub fn sign(&self, domain: &str, message: &[u8]) -> String {
        B64.encode(self.0.sign(&prefixed(domain, message)).to_bytes())
    }
}

impl std::fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SecretKey(public {})", self.public().text())
    }
}

fn prefixed(domain: &str, message: &[u8]) -> Vec<u8> {
    [domain.as_bytes(), b"\n", message].concat()
}

/// SHA-256 in lower-case hex.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |half: u8| char::from(DIGITS[usize::from(half)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// Whether `text` is a SHA-256 as [`sha256_hex`] writes it.
pub fn is_sha256_hex(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

/// Canonical JSON (RFC 8785) of anything without floats.
pub fn canonical_json<T: Serialize>(value: &T) -> Result<Vec<u8>, SignatureError> {
    let value = serde_json::to_value(value).map_err(|e| SignatureError::Shape(e.to_string()))?;
    let mut out = Vec::with_capacity(256);
    write_canonical(&value, &mut out)?;
    Ok(out)
}

/// Canonical JSON of an object without its member `signature`: what is signed.
pub fn signed_bytes<T: Serialize>(value: &T) -> Result<Vec<u8>, SignatureError> {
    let mut value = serde_json::to_value(value).map_err(|e| SignatureError::Shape(e.to_string()))?;
    value.as_object_mut().ok_or_else(|| SignatureError::Shape("not an object".into()))?.remove("signature");
    let mut out = Vec::with_capacity(256);
    write_canonical(&value, &mut out)?;
    Ok(out)
}

fn write_canonical(value: &Value, out: &mut Vec<u8>) -> Result<(), SignatureError> {
    match value {
        Value::Number(n) if n.is_f64() => return Err(SignatureError::Float(n.to_string())),
        Value::Array(items) => {
            out.push(b'[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                write_canonical(item, out)?;
            }
            out.push(b']');
        }
        Value::Object(members) => {
            // RFC 8785 section 3.2.3: members sorted by their UTF-16 code units.
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
            out.push(b'{');
            for (i, (key, member)) in members.into_iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                write_scalar(key, out)?;
                out.push(b':');
                write_canonical(member, out)?;
            }
            out.push(b'}');
        }
        scalar => write_scalar(scalar, out)?,
    }
    Ok(())
}

fn write_scalar<T: Serialize>(value: &T, out: &mut Vec<u8>) -> Result<(), SignatureError> {
    // serde_json escapes exactly what RFC 8785 section 3.2.2.2 asks for: quote, backslash, controls in short or \u00xx form.
    serde_json::to_writer(out, value).map_err(|e| SignatureError::Shape(e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn canonical_form_is_rfc_8785() {
        let value = json!({"b": [1, true, null], "a": "x\u{8}\"é\u{7}", "€": 0, "\r": {}, "1": -7});
        assert_eq!(
            String::from_utf8(canonical_json(&value).unwrap()).unwrap(),
            "{\"\\r\":{},\"1\":-7,\"a\":\"x\\b\\\"é\\u0007\",\"b\":[1,true,null],\"€\":0}"
        );
        assert_eq!(canonical_json(&json!({"a": 1.5})), Err(SignatureError::Float("1.5".into())));
    }

    #[test]
    fn rfc_8032_test_vector_1_and_domains() {
        let seed: [u8; 32] = [
            0x9d, 0x61, 0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60, 0xba, 0x84, 0x4a, 0xf4, 0x92, 0xec, 0x2c, 0xc4, 0x44, 0x49,
            0xc5, 0x69, 0x7b, 0x32, 0x69, 0x19, 0x70, 0x3b, 0xac, 0x03, 0x1c, 0xae, 0x7f, 0x60,
        ];
        let key = SecretKey::from_bytes(&seed);
        assert_eq!(hex(key.public().bytes()), "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
        let signature = key.sign("a", b"m");
        assert_eq!(key.public().verify("a", b"m", &signature), Ok(()));
        assert!(key.public().verify("b", b"m", &signature).is_err(), "domains separate");
        assert!(key.public().verify("a", b"n", &signature).is_err());
        assert_eq!(PublicKey::parse(&key.public().text()), Ok(key.public()));
        assert!(PublicKey::parse("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA").is_err(), "small order");
    }
}
