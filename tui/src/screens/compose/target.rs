//! What is being written, and what that means for its fields and its request.

use ro_co_shared::{
    Body, EditAnswer, EditQuestion, FieldError, Form as _, NewAnswer, NewQuestion, Rule, Title,
};
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

    /// The very rules the server checks by.
    pub(super) fn check(&self, text: &Revision) -> Result<(), Vec<FieldError>> {
        let (title, body) = (text.title.as_str(), text.body.as_str());
        let optional =
            |body: &str| if body.trim().is_empty() { ro_co_shared::Optional::default() } else { body.into() };
        match self {
            Self::Ask => {
                let form = NewQuestion {
                    title: title.into(),
                    description: optional(body),
                    ..NewQuestion::default()
                };
                form.check().map(drop)
            }
            Self::EditQuestion(_) => {
                EditQuestion { title: title.into(), description: optional(body) }.check().map(drop)
            }
            Self::Answer { question, .. } => {
                let question_id = question.to_string().as_str().into();
                NewAnswer { description: body.into(), question_id, ..NewAnswer::default() }.check().map(drop)
            }
            Self::EditAnswer(_) => EditAnswer { description: body.into() }.check().map(drop),
        }
    }

    /// The request that sends it.
    pub(super) fn call(&self, text: Revision, key: Uuid) -> Request {
        let Revision { title, body, etag } = text;
        let key = key.to_string();
        match self {
            Self::Ask => Request::Ask { title, body, key },
            Self::Answer { question, .. } => Request::Reply { question: *question, body, key },
            Self::EditQuestion(id) => Request::EditQuestion { id: *id, title, body, etag },
            Self::EditAnswer(id) => Request::EditAnswer { id: *id, body, etag },
        }
    }
}
