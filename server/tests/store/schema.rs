//! What the database lets in, and how it comes to be what it is.

use mongodb::{
    Client,
    bson::{Bson, Document, doc},
    options::ClientOptions,
};
use ro_co_server::store::mongo::Mongo;
use ro_co_shared::UserId;

use crate::{
    backends::new_name,
    contract::make::{asked, at, question, user},
    deletion::{Played, of},
    store::{Accounts, Questions, Store},
};

pub(crate) async fn nothing_of_another_shape_gets_in(uri: String) {
    let played = Played::open(&uri).await;
    let store = &*played.store;
    let ada = user(store, "ada").await;
    let id = asked(store, ada, "Why?", 0).await.id;
    for (collection, wrong) in [
        ("questions", doc! { "title": 7 }),
        ("questions", doc! { "surprise": true }),
        ("questions", doc! { "deleting": Bson::Null }),
        ("accounts", doc! { "role": "ROOT" }),
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
    let newer = doc! { "$set": { "version": 99 } };
    db.collection::<Document>("schema").update_one(doc! {}, newer).await.unwrap();
    let refused = Mongo::open_with(ClientOptions::parse(&uri).await.unwrap(), &name).await.err().unwrap();
    assert!(refused.to_string().contains("newer"), "{refused}");
    db.drop().await.unwrap();
}
