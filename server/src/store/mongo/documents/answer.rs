//! Answers.

use mongodb::bson::{Binary, DateTime, Uuid as BsonUuid};
use ro_co_shared::{AnswerId, QuestionId, UserId};
use serde::{Deserialize, Serialize};

use super::{V, bytes, date, id, time, uuid};
use crate::store::{Answer, AuthorSummary, Cursor, StoredAnswer};

/// An answer.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::store::mongo) struct AnswerDoc {
    #[serde(rename = "_id")]
    id: BsonUuid,
    v: i32,
    question: BsonUuid,
    author: BsonUuid,
    description: String,
    created_at: DateTime,
    updated_at: DateTime,
    version: i64,
    fingerprint: Binary,
    deleting: bool,
}

impl From<&Answer> for AnswerDoc {
    fn from(answer: &Answer) -> Self {
        Self {
            id: uuid(answer.id.0),
            v: V,
            question: uuid(answer.question.0),
            author: uuid(answer.author.0),
            description: answer.description.clone(),
            created_at: date(answer.created_at),
            updated_at: date(answer.created_at),
            version: 1,
            fingerprint: bytes(&answer.fingerprint),
            deleting: false,
        }
    }
}

impl AnswerDoc {
    /// Whose it is.
    pub(in crate::store::mongo) fn author(&self) -> UserId {
        UserId(id(self.author))
    }

    /// What it answers.
    pub(in crate::store::mongo) fn question(&self) -> QuestionId {
        QuestionId(id(self.question))
    }

    /// Its place in a list.
    pub(in crate::store::mongo) fn cursor(&self) -> Cursor {
        Cursor { created_at: time(self.created_at), id: id(self.id) }
    }

    /// Whether it was made by this very request, and is still there.
    pub(in crate::store::mongo) fn is_by(&self, answer: &Answer) -> bool {
        !self.deleting && self.author() == answer.author && self.fingerprint.bytes == answer.fingerprint
    }

    /// With its author, as a reader sees it.
    pub(in crate::store::mongo) fn shown(self, author: AuthorSummary) -> StoredAnswer {
        StoredAnswer {
            id: AnswerId(id(self.id)),
            question: QuestionId(id(self.question)),
            description: self.description,
            created_at: time(self.created_at),
            updated_at: time(self.updated_at),
            version: self.version,
            author,
        }
    }
}
