//! What is left over by a crash in the middle of a deletion, or arrives too late for it: never shown, and swept.
//! The crash is played by writing what it would have left; the test `mongo` of the built server kills it for real.

use std::{sync::Arc, time::Duration};

use mongodb::{
    Client, Collection, Database,
    bson::{Bson, DateTime, Document, Uuid, doc},
    options::ClientOptions,
};
use ro_co_server::store::mongo::Mongo;
use ro_co_shared::{AnswerId, QuestionId, UserId};

use crate::{
    backends::new_name,
    contract::{
        assert_fails,
        make::{answer, answered, answers_to, asked, at, by, newest, owner, signed_in, user},
    },
    store::{Accounts, Answers, Error, QuestionFilter, Questions, Sessions, Store},
};

pub(crate) struct Played {
    pub(crate) store: Arc<Mongo>,
    pub(crate) db: Database,
    pub(crate) name: String,
}

impl Played {
    pub(crate) async fn open(uri: &str) -> Self {
        let name = new_name();
        let options = ClientOptions::parse(uri).await.unwrap();
        let store = Arc::new(Mongo::open_with(options, &name).await.unwrap());
        Self { store, db: Client::with_uri_str(uri).await.unwrap().database(&name), name }
    }

    pub(crate) fn rows(&self, collection: &str) -> Collection<Document> {
        self.db.collection(collection)
    }

    /// Sets these fields of one document.
    pub(crate) async fn set(&self, collection: &str, id: uuid::Uuid, fields: Document) {
        let done = self.rows(collection).update_one(of(id), doc! { "$set": fields }).await.unwrap();
        assert_eq!(done.matched_count, 1);
    }

    /// How many documents there are with this value.
    pub(crate) async fn count(&self, collection: &str, field: &str, id: uuid::Uuid) -> u64 {
        self.rows(collection).count_documents(doc! { field: binary(id) }).await.unwrap()
    }

    pub(crate) async fn close(self) {
        self.store.close().await;
        self.db.drop().await.unwrap();
    }
}

pub(crate) fn binary(id: uuid::Uuid) -> Bson {
    Uuid::from_bytes(id.into_bytes()).into()
}

pub(crate) fn of(id: uuid::Uuid) -> Document {
    doc! { "_id": binary(id) }
}

/// A time by the database's clock: so long ago that nothing can be under way any more.
pub(crate) fn long_ago() -> DateTime {
    DateTime::from_system_time(std::time::SystemTime::now() - Duration::from_mins(5))
}

fn marked(at: DateTime) -> Document {
    doc! { "deleting": true, "deletedAt": at }
}

async fn hidden(store: &Mongo, question: QuestionId, answer: AnswerId) {
    assert_fails!(store.question(question).await, Error::NotFound);
    assert_fails!(store.answers(answers_to(question, 9)).await, Error::NotFound);
    assert_fails!(store.count_answers(question).await, Error::NotFound);
    assert_fails!(store.answer(answer).await, Error::NotFound);
    let listed = store.questions(newest(9)).await.unwrap();
    assert!(listed.iter().all(|row| row.id != question));
    assert_eq!(store.count_questions(QuestionFilter::default()).await.unwrap(), listed.len() as u64);
}

pub(crate) async fn a_marked_question_is_hidden_and_swept(uri: String) {
    let played = Played::open(&uri).await;
    let store = &*played.store;
    let ada = user(store, "ada").await;
    let (gone, other) = (asked(store, ada, "gone", 0).await.id, asked(store, ada, "other", 1).await.id);
    let reply = answered(store, gone, ada, 2).await;
    answered(store, other, ada, 3).await;

    // A crash after the mark.
    played.set("questions", gone.0, marked(DateTime::now())).await;
    hidden(store, gone, reply).await;
    assert_fails!(store.add_answer(&answer(gone, ada, "Late.", at(4))).await, Error::NotFound);
    store.sweep().await.unwrap();
    assert_eq!(played.count("questions", "_id", gone.0).await, 1, "something may still be under way");

    played.set("questions", gone.0, marked(long_ago())).await;
    assert_eq!(store.sweep().await.unwrap(), 1);
    assert_eq!(played.count("questions", "_id", gone.0).await, 0);
    assert_eq!(played.count("answers", "question", gone.0).await, 0);
    assert_eq!(store.question(other).await.unwrap().answers, 1);
    played.close().await;
}

pub(crate) async fn an_answer_that_races_a_deletion_is_hidden_and_swept(uri: String) {
    let played = Played::open(&uri).await;
    let store = &*played.store;
    let ada = user(store, "ada").await;
    let (gone, other) = (asked(store, ada, "gone", 0).await.id, asked(store, ada, "other", 1).await.id);
    let late = answered(store, other, ada, 2).await;
    store.delete_question(gone, owner(ada)).await.unwrap();
    // It had been counted before the mark, and is kept after the answers were deleted.
    played.set("answers", late.0, doc! { "question": binary(gone.0) }).await;
    hidden(store, gone, late).await;

    played.set("questions", gone.0, marked(long_ago())).await;
    store.sweep().await.unwrap();
    assert_eq!(played.count("answers", "_id", late.0).await, 0);
    assert_eq!(played.count("questions", "_id", gone.0).await, 0);
    played.close().await;
}

pub(crate) async fn counts_are_mended(uri: String) {
    let played = Played::open(&uri).await;
    let store = &*played.store;
    let ada = user(store, "ada").await;
    let id = asked(store, ada, "Why?", 0).await.id;
    let replies = [answered(store, id, ada, 1).await, answered(store, id, ada, 2).await];

    // Counted, and then never kept.
    played.set("questions", id.0, doc! { "answers": 3_i64, "recountAt": DateTime::now() }).await;
    store.recount().await.unwrap();
    assert_eq!(store.count_answers(id).await.unwrap(), 3, "it may still be under way");
    played.set("questions", id.0, doc! { "recountAt": long_ago() }).await;
    assert_eq!(store.recount().await.unwrap(), 1);
    assert_eq!(store.count_answers(id).await.unwrap(), 2);
    assert_eq!(store.recount().await.unwrap(), 0);

    // Marked, counted down or not, and never deleted.
    for answers in [2_i64, 1] {
        let reply = replies[usize::try_from(answers - 1).unwrap()];
        played.set("answers", reply.0, marked(long_ago())).await;
        assert_fails!(store.answer(reply).await, Error::NotFound);
        store.sweep().await.unwrap();
        assert_eq!(played.count("answers", "_id", reply.0).await, 0);
        played.set("questions", id.0, doc! { "answers": answers, "recountAt": long_ago() }).await;
        store.recount().await.unwrap();
        assert_eq!(store.count_answers(id).await.unwrap(), u64::try_from(answers - 1).unwrap());
    }
    played.close().await;
}

pub(crate) async fn a_marked_account_is_hidden_and_swept(uri: String) {
    for content in ["keep", "erase"] {
        let played = Played::open(&uri).await;
        let store = &*played.store;
        let (ada, bob) = (user(store, "ada").await, user(store, "bob").await);
        let hers: Vec<_> =
            [asked(store, ada, "hers", 0).await.id, asked(store, ada, "hers too", 1).await.id].into();
        let his = asked(store, bob, "his", 2).await.id;
        let reply = answered(store, his, ada, 3).await;
        let (session, later) = (signed_in(store, ada, 4).await, answered(store, his, bob, 5).await);

        let mark = |at: DateTime| {
            doc! { "_id": binary(ada.0), "v": 1, "deleting": true, "deletedAt": at, "content": content }
        };
        played.rows("accounts").replace_one(of(ada.0), mark(DateTime::now())).await.unwrap();
        assert_fails!(store.account(ada).await, Error::NotFound);
        user(store, "ada").await;
        // However many rows are left out, the page is as long as it can be.
        let shown = store.questions(newest(1)).await.unwrap();
        let replies = store.answers(answers_to(his, 9)).await.unwrap();
        if content == "erase" {
            assert_eq!(shown[0].id, his);
            assert_eq!(replies.iter().map(|row| row.id).collect::<Vec<_>>(), [later]);
            assert_fails!(store.question(hers[0]).await, Error::NotFound);
            assert_fails!(store.answer(reply).await, Error::NotFound);
            let newest_hers = asked(store, bob, "newer", -9).await;
            let all = store.questions(newest(9)).await.unwrap();
            assert_eq!(all.iter().map(|row| row.id).collect::<Vec<_>>(), [his, newest_hers.id]);
        } else {
            assert_eq!(store.question(hers[0]).await.unwrap().author.id, UserId::DELETED);
            assert_eq!(replies[0].author.username, "deleted user");
        }

        played.rows("accounts").replace_one(of(ada.0), mark(long_ago())).await.unwrap();
        store.sweep().await.unwrap();
        assert_eq!(played.count("accounts", "_id", ada.0).await, 0);
        assert_eq!(played.count("questions", "author", ada.0).await, if content == "keep" { 0 } else { 2 });
        assert_eq!(played.count("answers", "author", ada.0).await, 0);
        assert_fails!(store.session(session.id).await, Error::NotFound);
        assert_eq!(store.question(his).await.unwrap().answers, if content == "keep" { 2 } else { 1 });
        let left = if content == "keep" { 2 } else { 0 };
        assert_eq!(store.questions(by(UserId::DELETED, 9)).await.unwrap().len(), left);
        played.close().await;
    }
}
