//! A database of the original Ro-Co, with the inconsistencies of years of use.

use std::sync::{
    OnceLock,
    atomic::{AtomicU32, Ordering},
};

use mongodb::{
    Client,
    bson::{Binary, Bson, DateTime, Document, doc, oid::ObjectId, spec::BinarySubtype},
};
use ro_co_tests::mongo::Node;

/// BCrypt of [`ro_co_tests::person::PASSWORD`], by Python's `bcrypt`.
pub(crate) const HASH: &str = "$2a$10$Qbj1tOxsYn/fbEoM2.lizO4HfEAxnEBnrAE1GjuaUNFzxvqdQjjmq";
/// A string that occurs only in the original's avatar of Ada.
pub(crate) const STROKE: &str = "M1 2h3v4z";

/// The server that all cases share; each has databases of its own.
pub(crate) fn node() -> &'static Node {
    static NODE: OnceLock<Node> = OnceLock::new();
    NODE.get_or_init(|| Node::start(&[]))
}

/// An unused database name.
pub(crate) fn new_name(what: &str) -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    format!("{what}-{}", NUMBER.fetch_add(1, Ordering::Relaxed))
}

/// The id of the `n`th row: made on 20 October 2020 at 17:28:12, and a second later for each row.
pub(crate) fn oid(n: u32) -> ObjectId {
    let mut bytes = [1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 0, u8::try_from(n % 256).unwrap()];
    bytes[..4].copy_from_slice(&(0x5f8f_1e2c + n).to_be_bytes());
    ObjectId::from_bytes(bytes)
}

fn reference(collection: &str, n: u32) -> Bson {
    doc! {"$ref": collection, "$id": oid(n)}.into()
}

fn picture(svg: &str) -> Bson {
    Binary { subtype: BinarySubtype::Generic, bytes: svg.as_bytes().to_vec() }.into()
}

fn users() -> Vec<Document> {
    let svg = format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><script>alert(1)</script><path d="{STROKE}" fill="#fff"/></svg>"##
    );
    vec![
        doc! {"_id": oid(1), "email": "ADA@example.org", "password": HASH, "displayName": "Ada Lovelace", "verified": true,
        "role": "ADMIN", "image": picture(&svg), "hasImage": true, "_class": "de.thro.roco.model.User"},
        doc! {"_id": oid(2), "email": "bob@example.org", "password": format!("{{bcrypt}}{HASH}"), "displayName": "ada LOVELACE",
        "verified": false, "role": "USER", "image": Bson::Null, "hasImage": false},
        doc! {"_id": oid(3), "email": "ada@EXAMPLE.org", "password": HASH, "displayName": "Carol", "role": "ADMIN"},
        doc! {"_id": oid(4), "email": "nobody", "password": HASH, "displayName": "Nobody"},
        doc! {"_id": oid(5), "email": "li@example.org", "password": HASH, "displayName": "李小龍", "role": "USER",
        "image": picture("GIF89a"), "hasImage": true},
        doc! {"_id": oid(6), "email": " eve@example.org", "password": "in the clear", "displayName": "Eve\u{1b}[31m",
        "verified": "yes", "role": 7},
        doc! {"_id": "by hand", "email": "hand@example.org", "password": HASH, "displayName": "By Hand"},
    ]
}

fn questions() -> Vec<Document> {
    let time = DateTime::from_millis(1_614_852_672_500);
    vec![
        doc! {"_id": oid(11), "title": "What is a lock file?", "description": "One\r\ntwo", "createdAt": time,
        "answered": true, "deleted": false, "author": oid(1), "_class": "de.thro.roco.model.Question"},
        doc! {"_id": oid(12), "title": "Where does it lie?", "createdAt": "2021-03-05T10:11:12.5", "answered": false,
        "author": reference("User", 2)},
        doc! {"_id": oid(13), "title": "Deleted", "createdAt": time, "deleted": true, "author": oid(1)},
        doc! {"_id": oid(14), "title": "By nobody", "createdAt": time, "author": oid(99)},
        doc! {"_id": oid(15), "title": "By Carol", "createdAt": 1_614_852_672_500_i64, "author": reference("User", 3)},
        doc! {"_id": oid(16), "title": " ", "description": "No title", "createdAt": time, "author": oid(1)},
        doc! {"_id": oid(17), "title": "Two\nlines\u{1b}[2J", "createdAt": "whenever", "author": oid(5).to_hex()},
        doc! {"_id": oid(18), "title": "ü".repeat(300), "description": "x".repeat(10_001), "createdAt": time,
        "answered": "yes", "author": oid(5)},
        doc! {"_id": oid(19), "description": "A title of another type", "title": 7, "author": oid(1)},
    ]
}

fn answers() -> Vec<Document> {
    let time = DateTime::from_millis(1_614_852_700_000);
    vec![
        doc! {"_id": oid(21), "description": "A file nobody else may have.", "createdAt": time, "deleted": false,
        "author": reference("User", 5), "question": reference("Question", 11)},
        doc! {"_id": oid(22), "description": "To a deleted question", "createdAt": time, "author": oid(1), "question": oid(13)},
        doc! {"_id": oid(23), "description": "To no question", "createdAt": time, "author": oid(1), "question": oid(98)},
        doc! {"_id": oid(24), "description": "Deleted", "createdAt": time, "deleted": true, "author": oid(1), "question": oid(11)},
        doc! {"_id": oid(25), "description": " \u{0}\n", "createdAt": time, "author": oid(1), "question": oid(11)},
        doc! {"_id": oid(26), "description": "To null", "createdAt": time, "author": oid(1), "question": Bson::Null},
        doc! {"_id": oid(27), "description": "By null", "createdAt": time, "author": Bson::Null, "question": oid(12)},
    ]
}

/// All rows that were skipped or changed, as collection, number of the row (none for one without a valid id), outcome and
/// reason.
pub(crate) const REPORT: [(&str, Option<u32>, &str, &str); 21] = [
    ("User", None, "skipped", "no-id"),
    ("User", Some(2), "changed", "name-replaced"),
    ("User", Some(3), "skipped", "address-taken"),
    ("User", Some(4), "skipped", "no-address"),
    ("User", Some(5), "changed", "no-picture"),
    ("User", Some(6), "changed", "name-mended"),
    ("User", Some(6), "changed", "no-password"),
    ("Question", Some(13), "skipped", "deleted"),
    ("Question", Some(14), "changed", "no-author"),
    ("Question", Some(15), "changed", "no-author"),
    ("Question", Some(16), "skipped", "no-title"),
    ("Question", Some(17), "changed", "no-time"),
    ("Question", Some(17), "changed", "text-mended"),
    ("Question", Some(18), "changed", "text-mended"),
    ("Question", Some(19), "skipped", "no-title"),
    ("Answer", Some(22), "skipped", "no-question"),
    ("Answer", Some(23), "skipped", "no-question"),
    ("Answer", Some(24), "skipped", "deleted"),
    ("Answer", Some(25), "skipped", "no-text"),
    ("Answer", Some(26), "skipped", "no-question"),
    ("Answer", Some(27), "changed", "no-author"),
];

/// Such a database; its name.
pub(crate) fn old() -> String {
    let tokens = vec![doc! {"_id": oid(31), "token": "eyJhbGciOi", "user": oid(1)}];
    write([("User", users()), ("Question", questions()), ("Answer", answers()), ("token", tokens)])
}

/// A valid one with this many users, ten questions each and an answer to each question; returns its name.
pub(crate) fn large(users: u32) -> String {
    let user = |n| doc! {"_id": oid(n), "email": format!("u{n}@example.org"), "password": HASH, "displayName": format!("user {n}")};
    let question = |n| doc! {"_id": oid(n), "title": format!("Question {n}"), "author": oid(n / 10), "createdAt": DateTime::from_millis(1_600_000_000_000 + i64::from(n)), "answered": n % 2 == 0};
    let answer = |n| doc! {"_id": oid(n), "description": format!("Answer {n}"), "author": oid(n / 10), "question": oid(n), "createdAt": DateTime::from_millis(1_610_000_000_000)};
    write([
        ("User", (0..users).map(user).collect()),
        ("Question", (0..users * 10).map(question).collect()),
        ("Answer", (0..users * 10).map(answer).collect()),
        ("token", vec![]),
    ])
}

fn write(collections: [(&str, Vec<Document>); 4]) -> String {
    let name = new_name("original");
    with_client(async |client| {
        for (collection, rows) in collections {
            if !rows.is_empty() {
                client.database(&name).collection(collection).insert_many(rows).await.unwrap();
            }
        }
    });
    name
}

/// The stored password of a user in the server's own database.
pub(crate) fn password(database: &str, email: &str) -> String {
    with_client(async |client| {
        let accounts = client.database(database).collection::<Document>("accounts");
        let account = accounts.find_one(doc! {"emailKey": email}).await.unwrap().unwrap();
        account.get_str("password").unwrap().to_owned()
    })
}

fn with_client<T>(work: impl AsyncFnOnce(&Client) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { work(&Client::with_uri_str(node().uri()).await.unwrap()).await })
}
