//! Creating again without creating twice: ids made of the caller and the `Idempotency-Key`.

use aws_lc_rs::hmac;
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

/// The ids that a create may have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct NewId {
    /// Of what is created now: fresh (UUID version 7), or with a key the same for every repeat (version 8, from an HMAC of
    /// the user, the kind of thing and the key, under the database's own key: nobody else can tell it beforehand).
    pub(crate) id: Uuid,
    /// The id that a create with this key had in the previous release. Until the next release a repeat looks there first.
    pub(crate) previous: Option<Uuid>,
}

impl NewId {
    /// The ids of what this user creates with this key.
    pub(crate) fn new(
        id_key: &[u8; 32],
        user: UserId,
        kind: &str,
        key: &Optional<IdempotencyKey>,
    ) -> Result<Self, ApiError> {
        let mut errors = Errors::default();
        match key.check_text("Idempotency-Key", &mut errors) {
            None => Err(ApiError::fields(errors.into_vec())),
            Some(None) => Ok(Self { id: Uuid::now_v7(), previous: None }),
            Some(Some(key)) => {
                let what = [user.0.as_bytes(), kind.as_bytes(), b"\0", key.0.as_bytes()].concat();
                let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, id_key), &what);
                Ok(Self { id: of_digest(tag.as_ref()), previous: Some(of_digest(&sha256(&what))) })
            }
        }
    }
}

fn of_digest(digest: &[u8]) -> Uuid {
    let mut bytes = [0; 16];
    bytes.iter_mut().zip(digest).for_each(|(to, from)| *to = *from);
    Builder::from_custom_bytes(bytes).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(id_key: u8, user: UserId, kind: &str, key: &str) -> NewId {
        NewId::new(&[id_key; 32], user, kind, &Optional::from(key)).unwrap()
    }

    #[test]
    fn a_repeat_has_the_same_id_and_nobody_else_does() {
        let (ada, bob) = (UserId::new(), UserId::new());
        let first = ids(1, ada, "question", "k1");
        assert_eq!(ids(1, ada, "question", "k1"), first);
        for other in [
            ids(1, bob, "question", "k1"),
            ids(1, ada, "answer", "k1"),
            ids(1, ada, "question", "k2"),
            NewId::new(&[1; 32], ada, "question", &Optional::default()).unwrap(),
        ] {
            assert_ne!(other.id, first.id);
            assert_ne!(other.previous, first.previous);
        }
        let elsewhere = ids(2, ada, "question", "k1");
        assert_ne!(elsewhere.id, first.id, "in another database");
        assert_eq!(elsewhere.previous, first.previous);
    }

    /// It finds rows of the previous release: it may never change while it is there.
    #[test]
    fn the_previous_id_is_that_of_the_previous_release() {
        let user = UserId("01936f3e-0000-7000-8000-000000000000".parse().unwrap());
        let previous = ids(1, user, "question", "k1").previous.unwrap();
        assert_eq!(previous.to_string(), "407d451e-035f-88a5-ba41-285d4d4df79e");
    }

    #[test]
    fn keys_are_visible_ascii() {
        for bad in ["", "ä", "a\tb", &"x".repeat(256)] {
            let id = NewId::new(&[1; 32], UserId::new(), "question", &Optional::from(bad));
            assert!(id.is_err(), "{bad:?}");
        }
    }
}
