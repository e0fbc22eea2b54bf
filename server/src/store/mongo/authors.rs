//! Who wrote what: authors are kept beside their writings by id alone, and joined by one query for all of them.

use std::{collections::HashMap, time::Duration};

use futures_util::TryStreamExt;
use moka::sync::Cache;
use mongodb::bson::{Document, Uuid as BsonUuid, doc};
use ro_co_shared::{QuestionId, UserId};
use serde::Deserialize;

use super::{
    calls::{MAX_TIME, Rows},
    documents::{Fate, id, uuid},
};
use crate::store::{Account, AuthorSummary, Error, Result};

/// The name that stands for all who have left.
pub(super) const DELETED_NAME: &str = "deleted user";

/// How long an author is remembered for what they write next: as long as their session is. Nobody is shown by it to
/// others, who see every author as they are.
const REMEMBERED: Duration = Duration::from_secs(10);

/// Finds authors.
#[derive(Clone)]
pub(super) struct Authors {
    accounts: Rows<AuthorDoc>,
    recent: Cache<UserId, AuthorSummary>,
}

/// What of an account, or of its mark, stands beside a text; or that a question is there.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AuthorDoc {
    #[serde(rename = "_id")]
    id: BsonUuid,
    username: Option<String>,
    avatar_version: Option<i64>,
    content: Option<Fate>,
    #[serde(default)]
    is_question: bool,
}

/// The authors of some rows.
pub(super) struct Joined {
    /// `None` for those who are erased with all they wrote.
    authors: HashMap<UserId, Option<AuthorSummary>>,
    /// Whether the question asked for is there.
    pub(super) question: bool,
}

impl Joined {
    /// The author with this id as readers see them, or nothing where readers do not see what they wrote.
    pub(super) fn of(&self, id: UserId) -> Option<AuthorSummary> {
        self.authors.get(&id).cloned().unwrap_or_else(|| Some(deleted()))
    }
}

fn deleted() -> AuthorSummary {
    AuthorSummary { id: UserId::DELETED, username: DELETED_NAME.to_owned(), avatar_version: 0 }
}

fn projection() -> Document {
    doc! { "username": 1, "avatarVersion": 1, "content": 1 }
}

impl Authors {
    pub(super) fn new<T: Send + Sync>(accounts: &Rows<T>) -> Self {
        let recent = Cache::builder().max_capacity(10_000).time_to_live(REMEMBERED).build();
        Self { accounts: accounts.of(), recent }
    }

    /// Remembers somebody who was just read or changed.
    pub(super) fn note(&self, account: &Account) {
        let (id, username) = (account.id, account.username.to_string());
        self.recent.insert(id, AuthorSummary { id, username, avatar_version: account.avatar_version });
    }

    /// Forgets somebody who was deleted.
    pub(super) fn forget(&self, id: UserId) {
        self.recent.invalidate(&id);
    }

    /// Somebody who is about to write: as remembered, or looked up.
    pub(super) async fn writer(&self, id: UserId) -> Result<AuthorSummary> {
        if let Some(actor) = self.recent.get(&id) {
            return Ok(actor);
        }
        let filter = doc! { "_id": uuid(id.0), "deleting": false };
        let find = self.accounts.call(|accounts| async move {
            accounts.find_one(filter).projection(projection()).max_time(MAX_TIME).await
        });
        let found = find.await?;
        let actor = found.and_then(AuthorDoc::actor).ok_or(Error::NotFound)?;
        self.recent.insert(id, actor.clone());
        Ok(actor)
    }

    /// The author of a single row.
    pub(super) async fn one(&self, id: UserId) -> Result<AuthorSummary> {
        self.all([id]).await?.of(id).ok_or(Error::NotFound)
    }

    /// All authors at once.
    pub(super) async fn all(&self, ids: impl IntoIterator<Item = UserId>) -> Result<Joined> {
        let filter = doc! { "_id": { "$in": distinct(ids) } };
        let find = self.accounts.call(|accounts| async move {
            accounts.find(filter).projection(projection()).max_time(MAX_TIME).await?.try_collect().await
        });
        Ok(joined(find.await?))
    }

    /// All authors at once, and whether the question is there, in the same query.
    pub(super) async fn all_and(
        &self,
        question: QuestionId,
        ids: impl IntoIterator<Item = UserId>,
    ) -> Result<Joined> {
        let question = vec![
            doc! { "$match": { "_id": uuid(question.0), "deleting": false } },
            doc! { "$project": { "isQuestion": { "$literal": true } } },
        ];
        let pipeline = [
            doc! { "$match": { "_id": { "$in": distinct(ids) } } },
            doc! { "$project": projection() },
            doc! { "$unionWith": { "coll": "questions", "pipeline": question } },
        ];
        let find = self.accounts.call(|accounts| async move {
            let find = accounts.aggregate(pipeline).with_type::<AuthorDoc>().max_time(MAX_TIME);
            find.await?.try_collect().await
        });
        Ok(joined(find.await?))
    }
}

impl AuthorDoc {
    fn actor(self) -> Option<AuthorSummary> {
        let (username, avatar_version) = (self.username?, self.avatar_version?);
        Some(AuthorSummary { id: UserId(id(self.id)), username, avatar_version })
    }
}

fn distinct(ids: impl IntoIterator<Item = UserId>) -> Vec<BsonUuid> {
    let mut ids: Vec<UserId> = ids.into_iter().collect();
    ids.sort_unstable();
    ids.dedup();
    ids.into_iter().map(|id| uuid(id.0)).collect()
}

fn joined(docs: Vec<AuthorDoc>) -> Joined {
    let mut joined = Joined { authors: HashMap::new(), question: false };
    for doc in docs {
        if doc.is_question {
            joined.question = true;
            continue;
        }
        let key = UserId(id(doc.id));
        let author = match doc.content {
            Some(Fate::Erase) => None,
            Some(Fate::Keep) => Some(deleted()),
            None => doc.actor(),
        };
        joined.authors.insert(key, author);
    }
    joined
}
