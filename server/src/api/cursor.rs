//! Cursors: the sort key of a page's last row, with a tag that tells a changed one.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use poem_openapi::registry::MetaSchema;
use ro_co_shared::{Described, Field, Invalid, Timestamp};

use crate::{
    keys::Keys,
    store::{Order, SortKey},
};

/// How long a cursor is: 32 bytes in base64.
const LENGTH: usize = 43;

const KEY: usize = 24;

/// A cursor as sent: opaque to clients, signed so that a changed one is noticed.
pub(super) struct CursorText(String);

impl Field for CursorText {
    fn from_text(text: &str) -> Result<Self, Invalid> {
        if text.len() == LENGTH { Ok(Self(text.into())) } else { Err(bad_cursor()) }
    }
}

impl Described for CursorText {
    fn schema() -> MetaSchema {
        MetaSchema {
            min_length: Some(LENGTH),
            max_length: Some(LENGTH),
            pattern: Some(format!("^[A-Za-z0-9_-]{{{LENGTH}}}$")),
            ..MetaSchema::new("string")
        }
    }
}

/// What is wrong with a cursor that cannot be opened.
pub(super) fn bad_cursor() -> Invalid {
    Invalid::new("is not a cursor of this list; take it from a `Link` header as it is")
}

/// A list as it is asked for.
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
}

impl ListAddress {
    /// The cursor of the row with this key.
    pub(super) fn seal(&self, keys: &Keys, key: SortKey) -> String {
        let mut bytes = key.created_at.0.to_be_bytes().to_vec();
        bytes.extend(key.id.as_bytes());
        bytes.extend(keys.tag(self.name, &bytes));
        BASE64_URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The key in a cursor of this list.
    pub(super) fn open(&self, keys: &Keys, text: &CursorText) -> Option<SortKey> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(&text.0).ok()?;
        let (key, tag) = bytes.split_at_checked(KEY)?;
        if keys.tag(self.name, key) != tag {
            return None;
        }
        let (time, id) = key.split_at(8);
        Some(SortKey {
            created_at: Timestamp(i64::from_be_bytes(time.try_into().ok()?)),
            id: uuid::Uuid::from_slice(id).ok()?,
        })
    }
}
