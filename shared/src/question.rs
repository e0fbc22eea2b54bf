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
        /// What is asked, in one line of 1 to 255 characters.
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
        /// What is asked, in one line of 1 to 255 characters.
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

/// A question's text with every field checked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct QuestionDraft {
    /// What is asked.
    pub title: Title,
    /// The rest of it.
    pub description: Option<Body>,
    /// Who the request says is asking.
    pub author: Option<UserId>,
}

impl Form for NewQuestion {
    const FIELDS: &'static [&'static str] = Self::WIRE_FIELDS;
    const MAX_BYTES: usize = MAX_CONTENT_BYTES;
    type Checked = QuestionDraft;

    fn check(self) -> Result<QuestionDraft, Vec<FieldError>> {
        let mut errors = Errors::default();
        let title = self.title.check("title", &mut errors);
        let description = self.description.check("description", &mut errors);
        let author = self.author_id.check("authorId", &mut errors);
        match (title, description, author) {
            (Some(title), Some(description), Some(author)) => {
                Ok(QuestionDraft { title, description, author })
            }
            _ => Err(errors.into_vec()),
        }
    }
}

impl Form for EditQuestion {
    const FIELDS: &'static [&'static str] = Self::WIRE_FIELDS;
    const MAX_BYTES: usize = MAX_CONTENT_BYTES;
    type Checked = QuestionDraft;

    fn check(self) -> Result<QuestionDraft, Vec<FieldError>> {
        NewQuestion { title: self.title, description: self.description, ..NewQuestion::default() }.check()
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
