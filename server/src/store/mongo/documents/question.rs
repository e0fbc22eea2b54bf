//! Questions.

use mongodb::bson::{Binary, DateTime, Document, Uuid as BsonUuid, doc};
use ro_co_shared::{Body, QuestionId, QuestionText, Timestamp, Title, UserId};
use serde::{Deserialize, Serialize};

use super::{OPTIONAL, REQUIRED, ShapeField, V, bytes, date, id, time, uuid};
use crate::store::{AuthorSummary, Question, SortKey, Sorted, StoredQuestion, mongo::ownership::OwnedDoc};

/// A question.
#[derive(Serialize, Deserialize, Clone)]
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

/// Its fields, for the validator.
pub(in crate::store::mongo) const QUESTION_FIELDS: &[ShapeField] = &[
    ("_id", "binData", REQUIRED),
    ("author", "binData", REQUIRED),
    ("title", "string", REQUIRED),
    ("description", "string", OPTIONAL),
    ("createdAt", "date", REQUIRED),
    ("updatedAt", "date", REQUIRED),
    ("answered", "bool", REQUIRED),
    ("answers", "long", REQUIRED),
    ("recountAt", "date", OPTIONAL),
    ("version", "long", REQUIRED),
    ("fingerprint", "binData", REQUIRED),
    ("deleting", "bool", REQUIRED),
    ("deletedAt", "date", OPTIONAL),
];

impl From<&Question> for QuestionDoc {
    fn from(question: &Question) -> Self {
        let QuestionText { title, description } = question.text.clone();
        Self {
            id: uuid(question.id.0),
            v: V,
            author: uuid(question.author.0),
            title: title.into_string(),
            description: description.map(Body::into_string),
            created_at: date(question.created_at.time()),
            updated_at: date(question.created_at.time()),
            answered: false,
            answers: 0,
            version: 1,
            fingerprint: bytes(&question.fingerprint),
            deleting: false,
        }
    }
}

impl QuestionDoc {
    /// The update that gives a question another text.
    pub(in crate::store::mongo) fn edit(text: &QuestionText, at: Timestamp) -> Document {
        let mut set = doc! { "title": text.title.as_str(), "updatedAt": date(at) };
        let mut update = doc! { "$inc": { "version": 1_i64 } };
        if let Some(description) = &text.description {
            set.insert("description", description.as_str());
        } else {
            update.insert("$unset", doc! { "description": "" });
        }
        update.insert("$set", set);
        update
    }

    /// Whose it is.
    pub(in crate::store::mongo) fn author(&self) -> UserId {
        UserId(id(self.author))
    }

    /// With its author, as a reader sees it.
    pub(in crate::store::mongo) fn shown(self, author: AuthorSummary) -> StoredQuestion {
        StoredQuestion {
            id: QuestionId(id(self.id)),
            text: QuestionText {
                title: Title::unchecked(self.title),
                description: self.description.map(Body::unchecked),
            },
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

impl Sorted for QuestionDoc {
    fn sort_key(&self) -> SortKey {
        SortKey { created_at: time(self.created_at), id: id(self.id) }
    }
}

impl OwnedDoc for QuestionDoc {
    fn id(&self) -> BsonUuid {
        self.id
    }

    fn is_same_request(&self, other: &Self) -> bool {
        !self.deleting && self.author == other.author && self.fingerprint.bytes == other.fingerprint.bytes
    }
}
