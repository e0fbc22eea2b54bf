//! What is being written, and what that means for its fields and its request.

use ro_co_shared::{Body, FieldError, Rule, Title};
use uuid::Uuid;

use crate::{
    drafts::DraftOf,
    model::{Change, Revision, cmd::Request},
    nav::Target,
    texts::compose as texts,
    widgets::Field,
};

impl Target {
    /// Whether there is a text already.
    pub(super) fn is_edit(&self) -> bool {
        matches!(self, Self::EditQuestion(_) | Self::EditAnswer(_))
    }

    /// Whether the text to be changed goes with this.
    pub(super) fn goes_with(&self, change: &Change) -> bool {
        match (self, change) {
            (Self::EditQuestion(id), Change::QuestionGone(gone)) => id == gone,
            (Self::EditAnswer(id), Change::AnswerGone(gone, _)) => id == gone,
            _ => false,
        }
    }

    pub(super) fn heading(&self) -> &'static str {
        match self {
            Self::Ask => "New question",
            Self::Answer { .. } => "Answer",
            Self::EditQuestion(_) => "Edit question",
            Self::EditAnswer(_) => "Edit answer",
        }
    }

    pub(super) fn verb(&self) -> &'static str {
        match self {
            Self::Ask => "ask",
            Self::Answer { .. } => "answer",
            Self::EditQuestion(_) | Self::EditAnswer(_) => "save",
        }
    }

    pub(super) fn done(&self) -> &'static str {
        match self {
            Self::Ask => texts::QUESTION_POSTED,
            Self::Answer { .. } => texts::ANSWER_POSTED,
            Self::EditQuestion(_) | Self::EditAnswer(_) => texts::SAVED,
        }
    }

    /// What is said above the fields.
    pub(super) fn about(&self) -> Option<String> {
        match self {
            Self::Answer { title, .. } => Some(format!("To: {}", title.as_str())),
            _ => None,
        }
    }

    /// What a draft of it is a draft of.
    pub(super) fn draft(&self) -> DraftOf {
        match self {
            Self::Ask => DraftOf::Question,
            Self::Answer { question, .. } => DraftOf::AnswerTo(*question),
            Self::EditQuestion(id) => DraftOf::EditQuestion(*id),
            Self::EditAnswer(id) => DraftOf::EditAnswer(*id),
        }
    }

    pub(super) fn fields(&self) -> Vec<Field> {
        let body = Field::tall("description", texts::BODY).limit(Body::MAX);
        match self {
            Self::Ask | Self::EditQuestion(_) => {
                let title = Field::line("title", texts::TITLE).hint(texts::TITLE_HINT).limit(Title::MAX);
                vec![title, body.hint(texts::BODY_HINT)]
            }
            Self::Answer { .. } | Self::EditAnswer(_) => vec![body.hint(texts::ANSWER_HINT)],
        }
    }

    /// Reads the text to be changed.
    pub(super) fn fetch(&self) -> Option<Request> {
        match self {
            Self::EditQuestion(id) => Some(Request::Question(*id)),
            Self::EditAnswer(id) => Some(Request::Answer(*id)),
            Self::Ask | Self::Answer { .. } => None,
        }
    }

    /// The request that sends this text, checked by the rules of the server.
    pub(super) fn request(&self, revision: &Revision, key: Uuid) -> Result<Request, Vec<FieldError>> {
        let Revision { text, etag } = revision;
        let (key, etag) = (key.to_string(), etag.clone());
        Ok(match self {
            Self::Ask => Request::Ask { text: text.as_question()?, key },
            Self::Answer { question, .. } => {
                Request::Reply { question: *question, text: text.as_answer()?, key }
            }
            Self::EditQuestion(id) => Request::EditQuestion { id: *id, text: text.as_question()?, etag },
            Self::EditAnswer(id) => Request::EditAnswer { id: *id, text: text.as_answer()?, etag },
        })
    }
}
