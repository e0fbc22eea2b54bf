//! Validators, and the migration that makes them.

use futures_util::TryStreamExt;
use mongodb::{
    Client,
    bson::{Bson, Document, doc},
    options::ClientOptions,
};
use ro_co_server::store::mongo::Mongo;
use ro_co_shared::{Role, UserId};

use crate::{
    backends::new_name,
    contract::make::{asked, at, question, user},
    deletion::{Played, of},
    store::{Accounts, Questions, Store},
};

pub(crate) async fn validators_refuse_malformed_documents(uri: String) {
    let played = Played::open(&uri).await;
    let store = &*played.store;
    let ada = user(store, "ada").await;
    let id = asked(store, ada, "Why?", 0).await.id;
    for (collection, wrong) in [
        ("questions", doc! { "title": 7 }),
        ("questions", doc! { "deleting": Bson::Null }),
        ("accounts", doc! { "usernameSkeleton": 7 }),
        ("accounts", doc! { "deleting": true }),
    ] {
        let of = if collection == "accounts" { of(ada.0) } else { of(id.0) };
        let done = played.rows(collection).update_one(of, doc! { "$set": wrong.clone() }).await;
        assert!(done.is_err(), "{collection} took {wrong}");
    }
    let rows = played.rows("answers");
    rows.insert_one(doc! { "_id": 1 }).await.unwrap_err();
    // As the application writes them, they pass.
    store.add_question(&question(ada, "Another", at(1))).await.unwrap();
    played.close().await;
}

/// A server of the next release writes fields and roles that this one does not know, on the same database.
pub(crate) async fn validators_accept_what_the_next_release_adds(uri: String) {
    let played = Played::open(&uri).await;
    let store = &*played.store;
    let ada = user(store, "ada").await;
    let id = asked(store, ada, "Why?", 0).await.id;
    played.set("accounts", ada.0, doc! { "role": "MODERATOR", "likes": ["otters"] }).await;
    played.set("questions", id.0, doc! { "tags": ["otters"], "hidden": { "at": 1_i64 } }).await;
    let account = store.account(ada).await.unwrap();
    assert_eq!(account.role, Role::User, "a role this release does not know has no rights");
    assert_eq!(store.question(id).await.unwrap().text.title.as_str(), "Why?");
    store.rename(ada, &"countess".parse().unwrap()).await.unwrap();
    let kept = played.rows("accounts").find_one(of(ada.0)).await.unwrap().unwrap();
    assert_eq!(
        kept.get_str("role").unwrap(),
        "MODERATOR",
        "a write of this release keeps what it does not know"
    );
    played.close().await;
}

/// Whether a program may start is for the newer one to say; what is newer is left as it is.
pub(crate) async fn a_newer_version_is_left_alone_or_refused(uri: String) {
    let played = Played::open(&uri).await;
    let open = || async { Mongo::open_with(ClientOptions::parse(&uri).await.unwrap(), &played.name).await };
    let newer = doc! { "$jsonSchema": { "required": ["v", "tags"] } };
    let change = doc! { "collMod": "questions", "validator": &newer };
    played.db.run_command(change).await.unwrap();
    played.rows("accounts").drop_index("time").await.unwrap();
    let versions = played.rows("schema");
    versions.update_one(doc! {}, doc! { "$set": { "version": 99, "oldest": 2 } }).await.unwrap();
    let admitted = open().await.unwrap();
    admitted.account(UserId::DELETED).await.unwrap();
    admitted.close().await;
    let found = played.db.list_collections().filter(doc! { "name": "questions" }).await.unwrap();
    let found: Vec<_> = found.try_collect().await.unwrap();
    assert_eq!(found[0].options.validator.as_ref(), Some(&newer));
    let indexes = played.rows("accounts").list_index_names().await.unwrap();
    assert!(!indexes.contains(&"time".to_owned()), "{indexes:?}");
    assert_eq!(versions.find_one(doc! {}).await.unwrap().unwrap().get_i32("version").unwrap(), 99);

    for change in [doc! { "$set": { "oldest": 3 } }, doc! { "$unset": { "oldest": "" } }] {
        versions.update_one(doc! {}, change).await.unwrap();
        let refused = open().await.err().unwrap().to_string();
        assert!(refused.contains("newer") && refused.contains("99"), "{refused}");
    }
    played.close().await;
}

/// Any number of first starts at once end with one database, and later starts change nothing.
pub(crate) async fn many_start_at_once(uri: String) {
    let name = new_name();
    let open = || {
        let (uri, name) = (uri.clone(), name.clone());
        tokio::spawn(async move {
            Mongo::open_with(ClientOptions::parse(uri).await.unwrap(), &name).await.unwrap()
        })
    };
    for _ in 0..2 {
        let starters: Vec<_> = (0..5).map(|_| open()).collect();
        for starter in starters {
            let store = starter.await.unwrap();
            store.account(UserId::DELETED).await.unwrap();
            store.close().await;
        }
    }
    let db = Client::with_uri_str(&uri).await.unwrap().database(&name);
    assert_eq!(db.collection::<Document>("schema").count_documents(doc! {}).await.unwrap(), 1);
    let meta = db.collection::<Document>("meta").find_one(doc! { "_id": "id_key" }).await.unwrap().unwrap();
    assert_eq!(meta.get_binary_generic("value").unwrap().len(), 32);
    db.drop().await.unwrap();
}
