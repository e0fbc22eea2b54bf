//! Questions.

use mongodb::bson::{Binary, DateTime, Uuid as BsonUuid};
use ro_co_shared::{QuestionId, UserId};
use serde::{Deserialize, Serialize};

use super::{V, bytes, date, id, time, uuid};
use crate::store::{AuthorSummary, Cursor, Question, StoredQuestion};

/// A question.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::store::mongo) struct QuestionDoc {
    #[serde(rename = "_id")]
    id: BsonUuid,
    v: i32,
    author: BsonUuid,
    title: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    created_at: DateTime,
    updated_at: DateTime,
    answered: bool,
    answers: i64,
    version: i64,
    fingerprint: Binary,
    deleting: bool,
}

impl From<&Question> for QuestionDoc {
    fn from(question: &Question) -> Self {
        Self {
            id: uuid(question.id.0),
            v: V,
            author: uuid(question.author.0),
            title: question.title.clone(),
            description: question.description.clone(),
            created_at: date(question.created_at),
            updated_at: date(question.created_at),
            answered: false,
            answers: 0,
            version: 1,
            fingerprint: bytes(&question.fingerprint),
            deleting: false,
        }
    }
}

impl QuestionDoc {
    /// Whose it is.
    pub(in crate::store::mongo) fn author(&self) -> UserId {
        UserId(id(self.author))
    }

    /// Its place in a list.
    pub(in crate::store::mongo) fn cursor(&self) -> Cursor {
        Cursor { created_at: time(self.created_at), id: id(self.id) }
    }

    /// Whether it was made by this very request, and is still there.
    pub(in crate::store::mongo) fn is_by(&self, question: &Question) -> bool {
        !self.deleting && self.author() == question.author && self.fingerprint.bytes == question.fingerprint
    }

    /// With its author, as a reader sees it.
    pub(in crate::store::mongo) fn shown(self, author: AuthorSummary) -> StoredQuestion {
        StoredQuestion {
            id: QuestionId(id(self.id)),
            title: self.title,
            description: self.description,
            created_at: time(self.created_at),
            updated_at: time(self.updated_at),
            answered: self.answered,
            // Below 0 for a moment where a crash made a deletion count twice; see `deletion::recount`.
            answers: self.answers.max(0),
            version: self.version,
            author,
        }
    }
}
