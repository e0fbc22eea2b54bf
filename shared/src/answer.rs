//! Answers.

use serde::{Deserialize, Serialize};

use crate::{
    account::{Author, form},
    ids::{AnswerId, QuestionId, UserId},
    input::{Errors, Form, Input, MAX_CONTENT_BYTES, Optional},
    problem::FieldError,
    text::Body,
    time::Timestamp,
};

/// An answer with its author.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object))]
#[cfg_attr(feature = "openapi", oai(rename_all = "camelCase"))]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    /// The id.
    pub id: AnswerId,
    /// The answer; Markdown by convention.
    #[cfg_attr(feature = "openapi", oai(validator(max_length = 10_000)))]
    pub description: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When its text last changed; the same as `createdAt` until then.
    pub updated_at: Timestamp,
    /// The question it answers.
    #[serde(rename = "questionID")]
    #[cfg_attr(feature = "openapi", oai(rename = "questionID"))]
    pub question_id: QuestionId,
    /// Who wrote it.
    pub author: Author,
}

form! {
    /// Answers a question.
    NewAnswer {
        /// The answer, 1 to 10,000 characters; Markdown by convention.
        description("description"): Input<Body>,
        /// The question it answers.
        question_id("questionID"): Input<QuestionId>,
        /// The caller's own id; any other is refused. Older clients send it.
        author_id("authorID"): Optional<UserId>,
    }
    example Self {
        description: "Collect what you want to remove first, then remove it.".into(),
        question_id: "01936f3e-0000-7000-8000-000000000000".into(),
        ..Self::default()
    };
}

form! {
    /// Replaces an answer's text.
    EditAnswer {
        /// The answer, 1 to 10,000 characters.
        description("description"): Input<Body>,
    }
    example Self { description: "Use `Vec::retain`: it does both in one pass.".into() };
}

/// A new answer with every field checked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AnswerDraft {
    /// The answer.
    pub description: Body,
    /// The question it answers.
    pub question: QuestionId,
    /// Who the request says is answering.
    pub author: Option<UserId>,
}

impl Form for NewAnswer {
    const FIELDS: &'static [&'static str] = Self::WIRE_FIELDS;
    const MAX_BYTES: usize = MAX_CONTENT_BYTES;
    type Checked = AnswerDraft;

    fn check(self) -> Result<AnswerDraft, Vec<FieldError>> {
        let mut errors = Errors::default();
        let description = self.description.check("description", &mut errors);
        let question = self.question_id.check("questionID", &mut errors);
        let author = self.author_id.check("authorID", &mut errors);
        match (description, question, author) {
            (Some(description), Some(question), Some(author)) => {
                Ok(AnswerDraft { description, question, author })
            }
            _ => Err(errors.into_vec()),
        }
    }
}

impl Form for EditAnswer {
    const FIELDS: &'static [&'static str] = Self::WIRE_FIELDS;
    const MAX_BYTES: usize = MAX_CONTENT_BYTES;
    type Checked = Body;

    fn check(self) -> Result<Body, Vec<FieldError>> {
        let mut errors = Errors::default();
        self.description.check("description", &mut errors).ok_or_else(|| errors.into_vec())
    }
}
