//! Cursors: the sort key of a page's last row, sealed. A cursor is good for the list, the order and the filter it was
//! made for; with any other it is refused.
//!
//! | bytes | what |
//! | --- | --- |
//! | 1 | the order |
//! | 8 | the start of SHA-256 of the list's path and filter |
//! | 8 | the row's time of creation, in milliseconds |
//! | 16 | its id |
//! | 8 | the tag ([`Keys::tag`]) |
//!
//! Until the next release, cursors of the previous one are taken as well: the last three of these, for a list in its
//! default order.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use poem_openapi::registry::MetaSchema;
use ro_co_shared::{Described, Field, Invalid, Timestamp};

use crate::{
    keys::{Keys, sha256},
    store::{Order, SortKey},
};

/// The shortest cursor: 32 bytes in base64.
const MIN_LENGTH: usize = 43;
/// The longest there will ever be, so that a later kind of cursor breaks no generated client.
const MAX_LENGTH: usize = 140;

const DIGEST: usize = 8;
const KEY: usize = 24;
const TAG: usize = 8;

/// A cursor as sent: opaque to clients, signed so that a changed one is noticed.
pub(super) struct CursorText(String);

impl Field for CursorText {
    fn from_text(text: &str) -> Result<Self, Invalid> {
        if (MIN_LENGTH..=MAX_LENGTH).contains(&text.len()) {
            Ok(Self(text.into()))
        } else {
            Err(bad_cursor())
        }
    }
}

impl Described for CursorText {
    fn schema() -> MetaSchema {
        MetaSchema {
            min_length: Some(MIN_LENGTH),
            max_length: Some(MAX_LENGTH),
            pattern: Some(format!("^[A-Za-z0-9_-]{{{MIN_LENGTH},{MAX_LENGTH}}}$")),
            ..MetaSchema::new("string")
        }
    }
}

/// What is wrong with a cursor that cannot be opened.
pub(super) fn bad_cursor() -> Invalid {
    Invalid::new("is not a cursor of this list; take it from a `Link` header as it is")
}

/// A list as it is asked for, with everything its cursors are bound to.
#[derive(Clone, Debug)]
pub(super) struct ListAddress {
    /// The name its cursors are signed with.
    pub name: &'static str,
    /// The path of its operation.
    pub path: String,
    /// The parameters that choose its rows and order, each as `&name=value`, encoded.
    pub query: String,
    /// The order of its rows.
    pub order: Order,
    /// The order that it has when nothing is said.
    pub default_order: Order,
}

impl ListAddress {
    /// The cursor of the row with this key.
    pub(super) fn seal(&self, keys: &Keys, key: SortKey) -> String {
        let mut bytes = self.header();
        bytes.extend(key.created_at.0.to_be_bytes());
        bytes.extend(key.id.as_bytes());
        bytes.extend(keys.tag(self.name, &bytes));
        BASE64_URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The key in a cursor of this list.
    pub(super) fn open(&self, keys: &Keys, text: &CursorText) -> Option<SortKey> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(&text.0).ok()?;
        let (sealed, tag) = bytes.split_at_checked(bytes.len().checked_sub(TAG)?)?;
        if !keys.verify_tag(self.name, sealed, tag) {
            return None;
        }
        let (header, key) = sealed.split_at_checked(sealed.len().checked_sub(KEY)?)?;
        let is_previous = header.is_empty() && self.order == self.default_order;
        if !is_previous && header != self.header() {
            return None;
        }
        let (time, id) = key.split_at(8);
        Some(SortKey {
            created_at: Timestamp(i64::from_be_bytes(time.try_into().ok()?)),
            id: uuid::Uuid::from_slice(id).ok()?,
        })
    }

    fn header(&self) -> Vec<u8> {
        let order = match self.order {
            Order::Newest => 1,
            Order::Oldest => 2,
        };
        let digest = sha256(format!("{}?{}", self.path, self.query).as_bytes());
        std::iter::once(order).chain(digest.into_iter().take(DIGEST)).collect()
    }
}

#[cfg(test)]
mod tests {
    use base64::prelude::BASE64_STANDARD;

    use super::*;
    use crate::secret::Secret;

    fn keys(numbers: &[u8]) -> Keys {
        let secret =
            |number: &u8| Secret::parse(&BASE64_STANDARD.encode(sha256(&[*number])), "test").unwrap();
        Keys::new(&numbers.iter().flat_map(secret).collect::<Vec<_>>()).unwrap()
    }

    fn list() -> ListAddress {
        ListAddress {
            name: "questions",
            path: "/api/v1/question/all".into(),
            query: "&answered=true".into(),
            order: Order::Newest,
            default_order: Order::Newest,
        }
    }

    fn key() -> SortKey {
        SortKey { created_at: Timestamp(1_800_000_000_000), id: uuid::Uuid::from_u128(7) }
    }

    fn text(cursor: &str) -> CursorText {
        CursorText::from_text(cursor).unwrap_or_else(|_| panic!("{cursor} is no cursor"))
    }

    #[test]
    fn a_cursor_is_good_for_its_own_list_order_and_filter_only() {
        let (keys, list) = (keys(&[1]), list());
        let cursor = list.seal(&keys, key());
        assert_eq!(list.open(&keys, &text(&cursor)), Some(key()));
        for other in [
            ListAddress { name: "answers", ..list.clone() },
            ListAddress { path: "/api/v1/question/some".into(), ..list.clone() },
            ListAddress { query: "&answered=false".into(), ..list.clone() },
            ListAddress { query: String::new(), ..list.clone() },
            ListAddress { order: Order::Oldest, ..list.clone() },
        ] {
            assert_eq!(other.open(&keys, &text(&cursor)), None, "{other:?}");
        }
        assert_eq!(list.open(&self::keys(&[2]), &text(&cursor)), None, "of another server");
    }

    #[test]
    fn a_changed_cursor_is_refused() {
        let (keys, list) = (keys(&[1]), list());
        let cursor = list.seal(&keys, key());
        for at in 0..cursor.len() {
            let other = if cursor.as_bytes()[at] == b'A' { "B" } else { "A" };
            let mut changed = cursor.clone();
            changed.replace_range(at..=at, other);
            assert_eq!(list.open(&keys, &text(&changed)), None, "{changed}");
        }
        for odd in ["x".repeat(43), "=".repeat(43), "A".repeat(140)] {
            assert_eq!(list.open(&keys, &text(&odd)), None, "{odd}");
        }
        for odd in ["", "x", &"A".repeat(42), &"A".repeat(141)] {
            assert!(CursorText::from_text(odd).is_err(), "{odd}");
        }
    }

    #[test]
    fn cursors_of_the_previous_release_are_good_in_the_default_order() {
        let (keys, list) = (keys(&[1]), list());
        let mut bytes = key().created_at.0.to_be_bytes().to_vec();
        bytes.extend(key().id.as_bytes());
        bytes.extend(keys.tag(list.name, &bytes));
        let previous = BASE64_URL_SAFE_NO_PAD.encode(bytes);
        assert_eq!(previous.len(), MIN_LENGTH);
        assert_eq!(list.open(&keys, &text(&previous)), Some(key()));
        assert_eq!(ListAddress { order: Order::Oldest, ..list }.open(&keys, &text(&previous)), None);
    }

    #[test]
    fn cursors_outlive_a_rotation_of_the_master_secret() {
        let cursor = list().seal(&keys(&[1]), key());
        assert_eq!(list().open(&keys(&[2, 1]), &text(&cursor)), Some(key()));
        assert_eq!(list().open(&keys(&[2]), &text(&cursor)), None, "retired for good");
    }
}
