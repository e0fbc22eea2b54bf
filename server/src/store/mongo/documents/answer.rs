//! Answers.

use mongodb::bson::{Binary, DateTime, Document, Uuid as BsonUuid, doc};
use ro_co_shared::{AnswerId, AnswerText, Body, QuestionId, Timestamp, UserId};
use serde::{Deserialize, Serialize};

use super::{OPTIONAL, REQUIRED, ShapeField, V, bytes, date, id, time, uuid};
use crate::store::{Answer, AuthorSummary, SortKey, Sorted, StoredAnswer, mongo::ownership::OwnedDoc};

/// An answer.
#[derive(Serialize, Deserialize, Clone)]
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

/// Its fields, for the validator.
pub(in crate::store::mongo) const ANSWER_FIELDS: &[ShapeField] = &[
    ("_id", "binData", REQUIRED),
    ("question", "binData", REQUIRED),
    ("author", "binData", REQUIRED),
    ("description", "string", REQUIRED),
    ("createdAt", "date", REQUIRED),
    ("updatedAt", "date", REQUIRED),
    ("version", "long", REQUIRED),
    ("fingerprint", "binData", REQUIRED),
    ("deleting", "bool", REQUIRED),
    ("deletedAt", "date", OPTIONAL),
];

impl From<&Answer> for AnswerDoc {
    fn from(answer: &Answer) -> Self {
        Self {
            id: uuid(answer.id.0),
            v: V,
            question: uuid(answer.question.0),
            author: uuid(answer.author.0),
            description: answer.text.description.to_string(),
            created_at: date(answer.created_at.time()),
            updated_at: date(answer.created_at.time()),
            version: 1,
            fingerprint: bytes(&answer.fingerprint),
            deleting: false,
        }
    }
}

impl AnswerDoc {
    /// The update that gives an answer another text.
    pub(in crate::store::mongo) fn edit(text: &AnswerText, at: Timestamp) -> Document {
        doc! {
            "$set": { "description": text.description.as_str(), "updatedAt": date(at) },
            "$inc": { "version": 1_i64 },
        }
    }

    /// Whose it is.
    pub(in crate::store::mongo) fn author(&self) -> UserId {
        UserId(id(self.author))
    }

    /// What it answers.
    pub(in crate::store::mongo) fn question(&self) -> QuestionId {
        QuestionId(id(self.question))
    }

    /// With its author, as a reader sees it.
    pub(in crate::store::mongo) fn shown(self, author: AuthorSummary) -> StoredAnswer {
        StoredAnswer {
            id: AnswerId(id(self.id)),
            question: QuestionId(id(self.question)),
            text: AnswerText { description: Body::unchecked(self.description) },
            created_at: time(self.created_at),
            updated_at: time(self.updated_at),
            version: self.version,
            author,
        }
    }
}

impl Sorted for AnswerDoc {
    fn sort_key(&self) -> SortKey {
        SortKey { created_at: time(self.created_at), id: id(self.id) }
    }
}

impl OwnedDoc for AnswerDoc {
    fn id(&self) -> BsonUuid {
        self.id
    }

    fn is_same_request(&self, other: &Self) -> bool {
        !self.deleting && self.author == other.author && self.fingerprint.bytes == other.fingerprint.bytes
    }
}
