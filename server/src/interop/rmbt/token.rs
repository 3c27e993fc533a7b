//! Tokens: what `testRequest` hands out and a test connection shows.
//!
//! Written as other servers of this protocol write theirs, `<uuid>_<time>_<base64 of an HMAC>`, with two differences that
//! no client sees: the HMAC is SHA-256, and the time is that of this process, because nobody else reads it and it cannot
//! be set back. The key is made with the process and never leaves it. A token opens RMBT test connections and nothing else.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as B64;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use thiserror::Error;
use uuid::Uuid;

use super::limits::TOKEN_SECONDS;

/// Keeps these HMACs apart from any other made with SHA-256 in this program.
const DOMAIN: &[u8] = b"ispeed rmbt token ";

/// Makes and checks tokens.
pub(super) struct TokenKey([u8; 32]);

/// Why a token opens nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub(super) enum BadToken {
    #[error("token: not of this server; expected test_token as testRequest gave it, after the word TOKEN")]
    Unknown,
    #[error("token: {0} s old; expected at most {TOKEN_SECONDS} s, ask testRequest for another")]
    Expired(u64),
}

impl TokenKey {
    /// A key of its own.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub(super) fn new() -> Result<Self, getrandom::Error> {
        let mut key = [0; 32];
        getrandom::fill(&mut key)?;
        Ok(Self(key))
    }

    /// A token for a test, issued `now_s` seconds after some fixed moment of this process.
    pub(super) fn issue(&self, test: Uuid, now_s: u64) -> String {
        let signed = format!("{}_{now_s}", test.hyphenated());
        let mac = self.mac(&signed).finalize().into_bytes();
        format!("{signed}_{}", B64.encode(mac))
    }

    /// The test a token belongs to, and when the token ends, in the same seconds.
    pub(super) fn check(&self, token: &str, now_s: u64) -> Result<(Uuid, u64), BadToken> {
        let (signed, mac) = token.rsplit_once('_').ok_or(BadToken::Unknown)?;
        let mac = B64.decode(mac).map_err(|_| BadToken::Unknown)?;
        self.mac(signed).verify_slice(&mac).map_err(|_| BadToken::Unknown)?;
        let (test, issued_s) = signed.split_once('_').ok_or(BadToken::Unknown)?;
        let test = test.parse().map_err(|_| BadToken::Unknown)?;
        let issued_s: u64 = issued_s.parse().map_err(|_| BadToken::Unknown)?;
        let age_s = now_s.saturating_sub(issued_s);
        if age_s > TOKEN_SECONDS { Err(BadToken::Expired(age_s)) } else { Ok((test, issued_s + TOKEN_SECONDS)) }
    }

    fn mac(&self, signed: &str) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        mac.update(DOMAIN);
        mac.update(signed.as_bytes());
        mac
    }
}

impl std::fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TokenKey")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_opens_its_test_until_it_is_old() {
        let key = TokenKey::new().unwrap();
        let test = Uuid::now_v7();
        let token = key.issue(test, 1_000);
        assert!(token.len() < 100 && token.is_ascii(), "{token}");
        assert_eq!(key.check(&token, 1_000), Ok((test, 1_000 + TOKEN_SECONDS)));
        assert_eq!(key.check(&token, 1_000 + TOKEN_SECONDS), Ok((test, 1_000 + TOKEN_SECONDS)));
        assert_eq!(key.check(&token, 1_001 + TOKEN_SECONDS), Err(BadToken::Expired(TOKEN_SECONDS + 1)));
    }

    #[test]
    fn nothing_in_a_token_can_be_changed() {
        let (key, other) = (TokenKey::new().unwrap(), TokenKey::new().unwrap());
        let token = key.issue(Uuid::now_v7(), 77);
        assert_eq!(other.check(&token, 77), Err(BadToken::Unknown), "another process");
        for at in 0..token.len() {
            let mut changed = token.clone().into_bytes();
            changed[at] = if changed[at] == b'0' { b'1' } else { b'0' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(key.check(&changed, 77), Err(BadToken::Unknown), "{at}: {changed}");
        }
        for wrong in ["", "_", "__", "x_y_z", &token[..token.len() - 4], &format!("{token}AAAA")] {
            assert_eq!(key.check(wrong, 77), Err(BadToken::Unknown), "{wrong}");
        }
    }
}
