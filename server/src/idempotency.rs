//! Creating again without creating twice: ids made of the caller and the `Idempotency-Key`.

use ro_co_shared::{Described, Errors, Field, Invalid, Optional, UserId};
use uuid::{Builder, Uuid};

use crate::{error::ApiError, keys::sha256};

/// A client's name for one act of creating.
pub(crate) struct IdempotencyKey(String);

impl Field for IdempotencyKey {
    fn from_text(text: &str) -> Result<Self, Invalid> {
        if (1..=255).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic() || b == b' ') {
            Ok(Self(text.into()))
        } else {
            Err(Invalid::new("must be 1 to 255 visible ASCII characters"))
        }
    }
}

impl Described for IdempotencyKey {
    fn schema() -> poem_openapi::registry::MetaSchema {
        poem_openapi::registry::MetaSchema {
            min_length: Some(1),
            max_length: Some(255),
            pattern: Some("^[ -~]+$".into()),
            ..poem_openapi::registry::MetaSchema::new("string")
        }
    }
}

/// SHA-256 of the key of a request, if it has one.
pub(crate) fn key_digest(key: &Optional<IdempotencyKey>) -> Result<Option<[u8; 32]>, ApiError> {
    let mut errors = Errors::default();
    let key = key.check_text("Idempotency-Key", &mut errors);
    key.map(|key| key.map(|key| sha256(key.0.as_bytes()))).ok_or_else(|| ApiError::fields(errors.into_vec()))
}

/// The id of what is created: fresh (UUID version 7), or with a key the same for every repeat (version 8, from
/// SHA-256 of the user, the kind of thing and the key).
pub(crate) fn new_id(user: UserId, kind: &str, key: &Optional<IdempotencyKey>) -> Result<Uuid, ApiError> {
    let mut errors = Errors::default();
    match key.check_text("Idempotency-Key", &mut errors) {
        None => Err(ApiError::fields(errors.into_vec())),
        Some(None) => Ok(Uuid::now_v7()),
        Some(Some(key)) => {
            let digest = sha256(&[user.0.as_bytes(), kind.as_bytes(), b"\0", key.0.as_bytes()].concat());
            let mut bytes = [0; 16];
            bytes.copy_from_slice(&digest[..16]);
            Ok(Builder::from_custom_bytes(bytes).into_uuid())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeat_has_the_same_id_and_nobody_else_does() {
        let (ada, bob) = (UserId::new(), UserId::new());
        let key = Optional::from("k1");
        let id = new_id(ada, "question", &key).unwrap();
        assert_eq!(new_id(ada, "question", &key).unwrap(), id);
        assert_ne!(new_id(bob, "question", &key).unwrap(), id);
        assert_ne!(new_id(ada, "answer", &key).unwrap(), id);
        assert_ne!(new_id(ada, "question", &Optional::from("k2")).unwrap(), id);
        assert_ne!(new_id(ada, "question", &Optional::default()).unwrap(), id);
    }

    #[test]
    fn keys_are_visible_ascii() {
        for bad in ["", "ä", "a\tb", &"x".repeat(256)] {
            assert!(new_id(UserId::new(), "question", &Optional::from(bad)).is_err(), "{bad:?}");
        }
    }
}
