//! The `Idempotency-Key` of the refresh under way, bound to the token it refreshes.
//!
//! A refresh whose answer was lost is repeated with the same token and the same key: that tells the server that it is
//! a repetition and not a thief. So the key has to be kept from before the request until the new token is, through a
//! crash as well. It is an entry of its own, for the token's entry is read by other releases of this program.

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// A key, and which token it belongs to.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct RefreshKey {
    /// SHA-256 of the token, in hexadecimal digits.
    token: String,
    key: String,
}

impl RefreshKey {
    /// A new random key for this token.
    pub(super) fn random(token: &SecretString) -> Self {
        Self { token: digest(token), key: Uuid::new_v4().to_string() }
    }

    /// Reads what [`RefreshKey::to_stored`] made; `None` for anything else.
    pub(super) fn from_stored(text: &str) -> Option<Self> {
        let (token, key) = text.trim().split_once(' ')?;
        let key = key.parse::<Uuid>().ok()?.to_string();
        Some(Self { token: token.to_owned(), key })
    }

    /// The digest and the key, separated by a space.
    pub(super) fn to_stored(&self) -> SecretString {
        SecretString::from(format!("{} {}", self.token, self.key))
    }

    /// Whether it is the key for this token.
    pub(super) fn belongs_to(&self, token: &SecretString) -> bool {
        self.token == digest(token)
    }

    /// The key, for the header.
    pub(super) fn into_key(self) -> String {
        self.key
    }
}

fn digest(token: &SecretString) -> String {
    use std::fmt::Write;
    Sha256::digest(token.expose_secret().as_bytes()).iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stored_key_comes_back_and_belongs_to_its_token_alone() {
        let (token, other) = (SecretString::from("token"), SecretString::from("other"));
        let key = RefreshKey::random(&token);
        let stored = key.to_stored();
        let read = RefreshKey::from_stored(stored.expose_secret()).unwrap();
        assert!(read == key && read.belongs_to(&token) && !read.belongs_to(&other));
        assert!(RefreshKey::random(&token) != key, "random for each attempt");
        assert!(!stored.expose_secret().contains("token"));
    }

    #[test]
    fn what_is_no_key_is_none() {
        for text in ["", "x", "x y", "x \u{1b}[31m", "deadbeef 1234"] {
            assert!(RefreshKey::from_stored(text).is_none(), "{text:?}");
        }
    }
}
