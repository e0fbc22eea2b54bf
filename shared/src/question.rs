//! Questions.

use serde::{Deserialize, Serialize};

use crate::{
    account::{Author, form},
    ids::{QuestionId, UserId},
    input::{Errors, Form, Input, MAX_CONTENT_BYTES, Optional},
    problem::FieldError,
    text::{Body, Title},
    time::Timestamp,
};

/// A question with its author and the number of its answers.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object))]
#[cfg_attr(feature = "openapi", oai(rename_all = "camelCase", skip_serializing_if_is_none))]
#[serde(rename_all = "camelCase")]
pub struct Question {
    /// The id.
    pub id: QuestionId,
    /// What is asked, in one line.
    #[cfg_attr(feature = "openapi", oai(validator(max_length = 255)))]
    pub title: String,
    /// The rest of it; Markdown by convention.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(validator(max_length = 10_000)))]
    pub description: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When its text last changed; the same as `createdAt` until then.
    pub updated_at: Timestamp,
    /// Whether its author (or an admin) calls it answered.
    pub answered: bool,
    /// How many answers it has.
    #[cfg_attr(feature = "openapi", oai(validator(minimum(value = "0"), maximum(value = "2147483647"))))]
    pub answer_count: i32,
    /// Who wrote it.
    pub author: Author,
}

form! {
    /// Asks a question.
    NewQuestion {
        /// What is asked, in one line of 1 to 255 characters, one of them visible.
        title("title"): Input<Title>,
        /// The rest of it, up to 10,000 characters; Markdown by convention.
        description("description"): Optional<Body>,
        /// The caller's own id; any other is refused. Older clients send it.
        author_id("authorId"): Optional<UserId>,
    }
    example Self {
        title: "Why does the borrow checker refuse this?".into(),
        description: "I hold a `&mut` to the list while I iterate over it.".into(),
        ..Self::default()
    };
}

form! {
    /// Replaces a question's text; a description left out is removed.
    EditQuestion {
        /// What is asked, in one line of 1 to 255 characters, one of them visible.
        title("title"): Input<Title>,
        /// The rest of it, up to 10,000 characters.
        description("description"): Optional<Body>,
    }
    example Self { title: "Why may I not change a list while I iterate over it?".into(), ..Self::default() };
}

form! {
    /// Marks a question as answered, or as open again.
    SetAnswered {
        /// Whether the question is answered.
        answered("answered"): Input<bool>,
    }
    example Self { answered: true.into() };
}

/// What the author of a question writes and may edit, with every field checked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct QuestionText {
    /// The question in one line.
    pub title: Title,
    /// The rest of it; Markdown by convention.
    pub description: Option<Body>,
}

impl QuestionText {
    /// A question that is its title alone.
    pub fn new(title: Title) -> Self {
        Self { title, description: None }
    }

    fn check(title: &Input<Title>, description: &Optional<Body>, errors: &mut Errors) -> Option<Self> {
        let title = title.check("title", errors);
        let description = description.check("description", errors);
        Some(Self { title: title?, description: description? })
    }
}

/// A [`NewQuestion`] with every field checked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct QuestionDraft {
    /// The text.
    pub text: QuestionText,
    /// Who the request says is asking; the server takes nobody but the caller.
    pub author: Option<UserId>,
}

impl From<QuestionText> for NewQuestion {
    fn from(text: QuestionText) -> Self {
        let EditQuestion { title, description } = text.into();
        Self { title, description, author_id: Optional::default() }
    }
}

impl From<QuestionText> for EditQuestion {
    fn from(text: QuestionText) -> Self {
        let description = text.description.map(|body| body.into_string().into()).unwrap_or_default();
        Self { title: text.title.into_string().into(), description }
    }
}

impl Form for NewQuestion {
    const FIELDS: &'static [&'static str] = Self::WIRE_FIELDS;
    const MAX_BYTES: usize = MAX_CONTENT_BYTES;
    type Checked = QuestionDraft;

    fn check(self) -> Result<QuestionDraft, Vec<FieldError>> {
        let mut errors = Errors::default();
        let text = QuestionText::check(&self.title, &self.description, &mut errors);
        let author = self.author_id.check("authorId", &mut errors);
        match (text, author) {
            (Some(text), Some(author)) => Ok(QuestionDraft { text, author }),
            _ => Err(errors.into_vec()),
        }
    }
}

impl Form for EditQuestion {
    const FIELDS: &'static [&'static str] = Self::WIRE_FIELDS;
    const MAX_BYTES: usize = MAX_CONTENT_BYTES;
    type Checked = QuestionText;

    fn check(self) -> Result<QuestionText, Vec<FieldError>> {
        let mut errors = Errors::default();
        QuestionText::check(&self.title, &self.description, &mut errors).ok_or_else(|| errors.into_vec())
    }
}

impl Form for SetAnswered {
    const FIELDS: &'static [&'static str] = Self::WIRE_FIELDS;
    type Checked = bool;

    fn check(self) -> Result<bool, Vec<FieldError>> {
        let mut errors = Errors::default();
        self.answered.check("answered", &mut errors).ok_or_else(|| errors.into_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The server remembers a create by the bytes of its body, for as long as its row lives.
    #[test]
    fn the_bytes_of_a_create_never_change() {
        let text = QuestionText {
            description: Some("A \"body\"\n\twith ü and \u{1F916}".parse().unwrap()),
            ..QuestionText::new("Why <b> & not b?".parse().unwrap())
        };
        assert_eq!(
            serde_json::to_string(&NewQuestion::from(text.clone())).unwrap(),
            r#"{"title":"Why <b> & not b?","description":"A \"body\"\n\twith ü and 🤖"}"#
        );
        assert_eq!(
            serde_json::to_string(&NewQuestion::from(QuestionText::new(text.title.clone()))).unwrap(),
            r#"{"title":"Why <b> & not b?"}"#
        );
        assert_eq!(NewQuestion::from(text.clone()).check().unwrap().text, text);
        assert_eq!(EditQuestion::from(text.clone()).check().unwrap(), text);
    }
}
