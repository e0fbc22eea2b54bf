//! A text as the server has it.

use ro_co_shared as wire;

use crate::{api::Versioned, drafts::TypedText};

/// A text at some point of its life.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Revision {
    /// The text.
    pub(crate) text: TypedText,
    /// Names the version for `If-Match`.
    pub(crate) etag: Option<String>,
}

impl From<Versioned<wire::Question>> for Revision {
    fn from(Versioned { value, etag }: Versioned<wire::Question>) -> Self {
        Self { text: TypedText::new(value.title, value.description.unwrap_or_default()), etag }
    }
}

impl From<Versioned<wire::Answer>> for Revision {
    fn from(Versioned { value, etag }: Versioned<wire::Answer>) -> Self {
        Self { text: TypedText::new("", value.description), etag }
    }
}
