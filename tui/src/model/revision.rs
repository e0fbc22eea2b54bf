//! A text as the server has it, to be edited.

use ro_co_shared as wire;
use ro_co_shared::{Body, Title};

use crate::api::Versioned;

/// A text at some point of its life: unlike what is shown it is not cleaned, for an edit changes nothing else.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Revision {
    /// The title; empty for an answer.
    pub(crate) title: String,
    /// The rest.
    pub(crate) body: String,
    /// Names the version for `If-Match`.
    pub(crate) etag: Option<String>,
}

impl Revision {
    /// Whether the server would store both texts as the same one.
    pub(crate) fn is_same_text(&self, other: &Self) -> bool {
        self.stored() == other.stored()
    }

    /// Title and text as the server stores them: trimmed, with one form of newline, and no text where it is blank.
    fn stored(&self) -> (String, String) {
        let title =
            self.title.parse::<Title>().map_or_else(|_| self.title.clone(), |title| title.to_string());
        let body = self.body.parse::<Body>().map(|body| body.to_string());
        (title, body.unwrap_or_else(|_| self.body.trim().to_owned()))
    }
}

impl From<Versioned<wire::Question>> for Revision {
    fn from(Versioned { value, etag }: Versioned<wire::Question>) -> Self {
        Self { title: value.title, body: value.description.unwrap_or_default(), etag }
    }
}

impl From<Versioned<wire::Answer>> for Revision {
    fn from(Versioned { value, etag }: Versioned<wire::Answer>) -> Self {
        Self { title: String::new(), body: value.description, etag }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(title: &str, body: &str) -> Revision {
        Revision { title: title.into(), body: body.into(), etag: None }
    }

    #[test]
    fn texts_are_compared_as_they_are_stored() {
        assert!(text(" Why? ", "a\r\nb").is_same_text(&text("Why?", "a\nb")));
        assert!(text("Why?", " \n").is_same_text(&text("Why?", "")));
        assert!(!text("Why?", "a").is_same_text(&text("Why?", "b")));
        assert!(!text("Why?", "a").is_same_text(&text("Why not?", "a")));
    }
}
