//! Validators, and the migration that makes them.

use futures_util::TryStreamExt;
use mongodb::{
    Client,
    bson::{Binary, Bson, DateTime, Document, doc, spec::BinarySubtype},
    options::ClientOptions,
};
use ro_co_server::store::mongo::Mongo;
use ro_co_shared::{Email, Role, TEXT_VERSION, UserId, Username};

use crate::{
    backends::new_name,
    contract::make::{account, asked, at, question, user},
    deletion::{Played, of},
    store::{Account, Accounts, Questions, Store},
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

/// Of each account, oldest first: its name and its comparison keys, `-` where it has none.
async fn keys(played: &Played) -> Vec<[String; 3]> {
    let live = doc! { "deleting": false, "_id": { "$ne": of(UserId::DELETED.0).get("_id") } };
    let found = played.rows("accounts").find(live).sort(doc! { "createdAt": 1, "_id": 1 }).await.unwrap();
    let found: Vec<_> = found.try_collect().await.unwrap();
    let text = |account: &Document, name| account.get_str(name).unwrap_or("-").to_owned();
    found
        .iter()
        .map(|it| ["username", "usernameSkeleton", "emailCanonical"].map(|name| text(it, name)))
        .collect()
}

/// Adds an account as a server of the previous release does.
async fn add_without_keys(played: &Played, account: Account) {
    let (id, username) = (account.id, account.username.clone());
    // Under another name first, which collides with nobody.
    let other = Username::unchecked(format!("other {id}"));
    let email = account.email.clone();
    let free = Email::unchecked(format!("{id}@example.org"));
    let created_at = DateTime::from_millis(account.created_at.0);
    played.store.add_account(&Account { username: other, email: free, ..account }).await.unwrap();
    let change = doc! {
        "$set": {
            "username": username.as_str(), "usernameKey": username.key(), "email": email.as_str(),
            "emailKey": email.key(), "createdAt": created_at,
        },
        "$unset": { "usernameSkeleton": "", "emailCanonical": "" },
    };
    played.rows("accounts").update_one(of(id.0), change).await.unwrap();
}

async fn start(uri: &str, played: &Played) {
    let options = ClientOptions::parse(uri).await.unwrap();
    Mongo::open_with(options, &played.name).await.unwrap().close().await;
}

/// A running server of the previous release adds accounts without keys and renames without changing them.
pub(crate) async fn accounts_of_the_previous_release_get_their_keys(uri: String) {
    let played = Played::open(&uri).await;
    let made = |name: &str, email: &str, ms| Account {
        username: Username::unchecked(name),
        email: Email::unchecked(email),
        created_at: at(ms),
        ..account("somebody")
    };
    let younger = made("\u{430}da", "ada@xn--bcher-kva.example", 3);
    add_without_keys(&played, younger.clone()).await;
    let older = made("ada", "ada@bücher.example", 1);
    add_without_keys(&played, older.clone()).await;
    add_without_keys(&played, made("\u{1160}\u{1160}\u{1160}", "fillers@example.org", 2)).await;
    // Renamed there from `eve`, whose key it still has.
    let renamed = made("eve", "eve@example.org", 4);
    played.store.add_account(&renamed).await.unwrap();
    let name = doc! { "username": "mallory", "usernameKey": "mallory" };
    played.set("accounts", renamed.id.0, name).await;

    start(&uri, &played).await;
    let key = ro_co_shared::username_skeleton;
    let expected = [
        ["ada", &key("ada"), "ada@xn--bcher-kva.example"],
        ["\u{1160}\u{1160}\u{1160}", "-", "fillers@example.org"],
        ["\u{430}da", "-", "-"],
        ["mallory", &key("mallory"), "eve@example.org"],
    ];
    assert_eq!(keys(&played).await, expected.map(|row| row.map(str::to_owned)));
    assert!(played.store.username_free(&"eve".parse().unwrap()).await.unwrap());
    // Both sign in, each as they signed up.
    for account in [&older, &younger] {
        assert_eq!(played.store.account_by_email(&account.email).await.unwrap().id, account.id);
    }
    let deleted = played.rows("accounts").find_one(of(UserId::DELETED.0)).await.unwrap().unwrap();
    assert!(!deleted.contains_key("usernameSkeleton") && !deleted.contains_key("emailCanonical"));

    // The name is given up: the next start gives its key to the other one.
    played.store.rename(older.id, &"countess".parse().unwrap()).await.unwrap();
    start(&uri, &played).await;
    assert_eq!(keys(&played).await[2][1], key("ada"));
    played.close().await;
}

/// Keys that other tables of Unicode gave are computed anew, the oldest account first.
pub(crate) async fn other_tables_of_unicode_key_all_accounts_anew(uri: String) {
    let played = Played::open(&uri).await;
    let (ada, bob) = (user(&*played.store, "ada").await, user(&*played.store, "bob").await);
    let before = keys(&played).await;
    // There the skeleton of the younger was that of the older here.
    played.set("accounts", ada.0, doc! { "usernameSkeleton": "other tables" }).await;
    played.set("accounts", bob.0, doc! { "username": "\u{430}da", "usernameSkeleton": &before[0][1], "createdAt": DateTime::from_millis(at(1).0) }).await;
    let other = Binary { subtype: BinarySubtype::Generic, bytes: b"0".to_vec() };
    let meta = played.rows("meta");
    let id = doc! { "_id": "text_version" };
    meta.update_one(id.clone(), doc! { "$set": { "value": other } }).await.unwrap();

    start(&uri, &played).await;
    let after = keys(&played).await;
    assert_eq!(after[0], before[0]);
    assert_eq!((after[1][1].as_str(), &after[1][2]), ("-", &before[1][2]));
    let version = meta.find_one(id).await.unwrap().unwrap();
    assert_eq!(version.get_binary_generic("value").unwrap(), TEXT_VERSION.to_string().as_bytes());
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
    let mut id_key = None;
    for _ in 0..2 {
        let starters: Vec<_> = (0..5).map(|_| open()).collect();
        for starter in starters {
            let store = starter.await.unwrap();
            assert_eq!(store.id_key(), id_key.get_or_insert(*store.id_key()), "one for all");
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
