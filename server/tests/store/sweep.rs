//! Sweeps of much at once, and past what cannot be swept.

use mongodb::{
    bson::{Bson, DateTime, Document, doc},
    options::InsertManyOptions,
};
use ro_co_shared::UserId;

use crate::{
    commands::Watched,
    contract::make::{answered, asked, user},
    deletion::{Played, binary, long_ago, of},
    store::{Accounts, Answers, Sessions, Store},
};

/// The most documents that one command may be about.
const BATCH: i64 = 500;

async fn insert(played: &Played, collection: &str, documents: Vec<Document>) {
    let unchecked = InsertManyOptions::builder().bypass_document_validation(true).build();
    played.rows(collection).insert_many(documents).with_options(unchecked).await.unwrap();
}

fn fresh() -> Bson {
    binary(uuid::Uuid::now_v7())
}

/// As the store writes them.
fn answer_to(question: uuid::Uuid, author: UserId, marked: bool) -> Document {
    let mut answer = doc! {
        "_id": fresh(), "v": 1, "question": binary(question), "author": binary(author.0), "description": "?",
        "createdAt": DateTime::now(), "updatedAt": DateTime::now(), "version": 1_i64, "fingerprint": fresh(),
        "deleting": marked,
    };
    if marked {
        answer.insert("deletedAt", long_ago());
    }
    answer
}

/// However much there is, each command is about a bounded part of it.
pub(crate) async fn much_is_swept_in_batches(uri: String) {
    let watched = Watched::open(&uri).await;
    let store = &*watched.store;
    let ada = user(store, "ada").await;
    let (gone, other) = (asked(store, ada, "gone", 0).await.id, asked(store, ada, "other", 1).await.id);
    let rows = watched.db.collection::<Document>("answers");
    rows.insert_many((0..1_200).map(|_| answer_to(gone.0, ada, false))).await.unwrap();
    rows.insert_many((0..1_200).map(|_| answer_to(other.0, ada, true))).await.unwrap();
    let mark = doc! { "$set": { "deleting": true, "deletedAt": long_ago() } };
    watched.db.collection::<Document>("questions").update_one(of(gone.0), mark).await.unwrap();
    watched.take();

    assert_eq!(store.sweep().await.unwrap(), 1_201);
    assert_eq!(rows.count_documents(doc! {}).await.unwrap(), 0);
    for command in watched.take() {
        bounded(&command);
    }
    watched.close().await;
}

/// So are sessions that ended long ago.
pub(crate) async fn sessions_are_purged_in_batches(uri: String) {
    let watched = Watched::open(&uri).await;
    let rows = watched.db.collection::<Document>("sessions");
    let now = DateTime::now();
    // Later than what the index on this time removes by itself.
    let over = DateTime::from_millis(now.timestamp_millis() - 3_600_000);
    let unchecked = InsertManyOptions::builder().bypass_document_validation(true).build();
    let ended = (0..1_200).map(|_| doc! { "_id": fresh(), "v": 1, "over": over });
    rows.insert_many(ended).with_options(unchecked).await.unwrap();
    watched.take();
    let before = ro_co_shared::Timestamp(now.timestamp_millis());
    assert_eq!(watched.store.purge_sessions(before).await.unwrap(), 1_200);
    assert_eq!(rows.count_documents(doc! {}).await.unwrap(), 0);
    for command in watched.take() {
        bounded(&command);
    }
    watched.close().await;
}

/// Deleting an account with much content is no command about all of it either.
pub(crate) async fn an_account_is_erased_in_batches(uri: String) {
    for content in [ro_co_shared::Content::Keep, ro_co_shared::Content::Erase] {
        let watched = Watched::open(&uri).await;
        let store = &*watched.store;
        let (ada, bob) = (user(store, "ada").await, user(store, "bob").await);
        let question = asked(store, bob, "Why?", 0).await.id;
        let rows = watched.db.collection::<Document>("answers");
        rows.insert_many((0..1_200).map(|_| answer_to(question.0, ada, false))).await.unwrap();
        watched.take();
        store.delete_account(ada, content).await.unwrap();
        let left = rows.count_documents(doc! { "author": binary(UserId::DELETED.0) }).await.unwrap();
        assert_eq!(left, if content == ro_co_shared::Content::Keep { 1_200 } else { 0 });
        assert_eq!(rows.count_documents(doc! { "author": binary(ada.0) }).await.unwrap(), 0);
        for command in watched.take() {
            bounded(&command);
        }
        watched.close().await;
    }
}

/// The command names so many documents by their ids, or asks for so many.
fn bounded(command: &Document) {
    let name = command.keys().next().unwrap().as_str();
    let statements = match name {
        "update" => "updates",
        "delete" => "deletes",
        "find" => {
            assert!(command.get_i64("limit").is_ok_and(|limit| limit.abs() <= BATCH), "{command}");
            return;
        }
        _ => return,
    };
    let statements = command.get_array(statements).unwrap();
    assert!(statements.len() <= usize::try_from(BATCH).unwrap());
    for statement in statements {
        let statement = statement.as_document().unwrap();
        let many = statement.get_bool("multi").unwrap_or_default()
            || statement.get_i32("limit").is_ok_and(|n| n == 0);
        let ids = statement.get_document("q").unwrap().get_document("_id").and_then(|id| id.get_array("$in"));
        assert!(!many || ids.is_ok_and(|ids| ids.len() <= 500), "{statement}");
    }
}

/// A thousand counts take some commands, and not thousands.
pub(crate) async fn many_are_recounted_by_few_commands(uri: String) {
    let watched = Watched::open(&uri).await;
    let store = &*watched.store;
    let ada = user(store, "ada").await;
    let first = asked(store, ada, "Why?", 0).await.id;
    answered(store, first, ada, 1).await;
    let questions = watched.db.collection::<Document>("questions");
    let one = questions.find_one(of(first.0)).await.unwrap().unwrap();
    let more = (0..1_199).map(|_| {
        let rest = one.clone().into_iter().filter(|(name, _)| name != "_id");
        [("_id".to_owned(), fresh())].into_iter().chain(rest).collect::<Document>()
    });
    questions.insert_many(more).await.unwrap();
    let wrong = doc! { "$set": { "answers": 9_i64, "recountAt": long_ago() } };
    questions.update_many(doc! {}, wrong).await.unwrap();
    watched.take();

    assert_eq!(store.recount().await.unwrap(), 1_200);
    let commands = watched.names();
    assert!(commands.len() <= 9, "{commands:?}");
    assert_eq!(store.count_answers(first).await.unwrap(), 1);
    assert_eq!(questions.count_documents(doc! { "answers": 0_i64 }).await.unwrap(), 1_199);
    assert_eq!(store.recount().await.unwrap(), 0);
    watched.close().await;
}

/// What this program did not write stops nothing else, however much of it comes first.
pub(crate) async fn malformed_documents_are_passed_over(uri: String) {
    let played = Played::open(&uri).await;
    let store = &*played.store;
    let ada = user(store, "ada").await;
    let older = DateTime::from_millis(0);
    let marks = (0..600).map(|_| {
        doc! { "_id": fresh(), "v": 1, "deleting": true, "deletedAt": older, "content": "archive" }
    });
    insert(&played, "accounts", marks.collect()).await;
    let mark =
        doc! { "_id": binary(ada.0), "v": 1, "deleting": true, "deletedAt": long_ago(), "content": "keep" };
    played.rows("accounts").replace_one(of(ada.0), mark).await.unwrap();
    // These can be swept all the same.
    let strange = doc! { "_id": "no id", "v": 1, "deleting": true, "deletedAt": older, "question": 8 };
    insert(&played, "answers", vec![strange]).await;
    let untyped = doc! { "_id": 7, "v": 1, "deleting": true, "deletedAt": older };
    insert(&played, "questions", vec![untyped]).await;

    assert_eq!(store.sweep().await.unwrap(), 3);
    assert_eq!(played.count("accounts", "_id", ada.0).await, 0);
    assert_eq!(played.rows("accounts").count_documents(doc! { "content": "archive" }).await.unwrap(), 600);
    for collection in ["answers", "questions"] {
        assert_eq!(played.rows(collection).count_documents(doc! {}).await.unwrap(), 0, "{collection}");
    }
    played.close().await;
}

/// One document of a batch cannot be written; the others are.
pub(crate) async fn a_document_that_fails_does_not_stop_its_batch(uri: String) {
    let played = Played::open(&uri).await;
    let store = &*played.store;
    let ada = user(store, "ada").await;
    let ids = [asked(store, ada, "one", 0).await.id, asked(store, ada, "two", 1).await.id];
    for id in ids {
        played.set("questions", id.0, doc! { "answers": 5_i64, "recountAt": long_ago() }).await;
    }
    // The first one is one that no validator lets be written.
    let broken = doc! { "$set": { "title": 7, "recountAt": DateTime::from_millis(0) } };
    let unchecked = doc! {
        "update": "questions", "bypassDocumentValidation": true,
        "updates": [{ "q": of(ids[0].0), "u": broken }],
    };
    played.db.run_command(unchecked).await.unwrap();
    assert_eq!(store.recount().await.unwrap(), 1);
    assert_eq!(store.count_answers(ids[1]).await.unwrap(), 0);
    played.close().await;
}
