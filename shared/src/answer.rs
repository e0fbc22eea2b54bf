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

/// What the author of an answer writes and may edit, with every field checked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AnswerText {
    /// The answer; Markdown by convention.
    pub description: Body,
}

impl AnswerText {
    /// An answer that is its description alone.
    pub fn new(description: Body) -> Self {
        Self { description }
    }

    fn check(description: &Input<Body>, errors: &mut Errors) -> Option<Self> {
        description.check("description", errors).map(Self::new)
    }
}

/// A [`NewAnswer`] with every field checked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AnswerDraft {
    /// The text.
    pub text: AnswerText,
    /// The question it answers.
    pub question: QuestionId,
    /// Who the request says is answering; the server takes nobody but the caller.
    pub author: Option<UserId>,
}

impl NewAnswer {
    /// An answer to this question, in the name of whoever sends it.
    pub fn to(question: QuestionId, text: AnswerText) -> Self {
        let EditAnswer { description } = text.into();
        Self { description, question_id: question.to_string().into(), author_id: Optional::default() }
    }
}

impl From<AnswerText> for EditAnswer {
    fn from(text: AnswerText) -> Self {
        Self { description: text.description.into_string().into() }
    }
}

impl Form for NewAnswer {
    const FIELDS: &'static [&'static str] = Self::WIRE_FIELDS;
    const MAX_BYTES: usize = MAX_CONTENT_BYTES;
    type Checked = AnswerDraft;

    fn check(self) -> Result<AnswerDraft, Vec<FieldError>> {
        let mut errors = Errors::default();
        let text = AnswerText::check(&self.description, &mut errors);
        let question = self.question_id.check("questionID", &mut errors);
        let author = self.author_id.check("authorID", &mut errors);
        match (text, question, author) {
            (Some(text), Some(question), Some(author)) => Ok(AnswerDraft { text, question, author }),
            _ => Err(errors.into_vec()),
        }
    }
}

impl Form for EditAnswer {
    const FIELDS: &'static [&'static str] = Self::WIRE_FIELDS;
    const MAX_BYTES: usize = MAX_CONTENT_BYTES;
    type Checked = AnswerText;

    fn check(self) -> Result<AnswerText, Vec<FieldError>> {
        let mut errors = Errors::default();
        AnswerText::check(&self.description, &mut errors).ok_or_else(|| errors.into_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the bytes of a new question.
    #[test]
    fn the_bytes_of_a_create_never_change() {
        let (question, text) = (QuestionId::new(), AnswerText::new("So:\n\t\"ü\"".parse().unwrap()));
        assert_eq!(
            serde_json::to_string(&NewAnswer::to(question, text.clone())).unwrap(),
            format!(r#"{{"description":"So:\n\t\"ü\"","questionID":"{question}"}}"#)
        );
        assert_eq!(NewAnswer::to(question, text.clone()).check().unwrap().text, text);
        assert_eq!(EditAnswer::from(text.clone()).check().unwrap(), text);
    }
}
