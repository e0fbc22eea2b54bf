//! What the database is made of: collections, what their documents must look like, and the indexes.
//!
//! Every query of the store names its index (`hint`), so that no plan depends on what the server has seen before; the
//! integration test `store` asks `explain` about each.

use std::time::Duration;

use mongodb::{
    IndexModel,
    bson::{Document, doc},
    options::IndexOptions,
};

/// The unique indexes on folded names and addresses; the index on a key of the same name.
pub(super) const BY_USERNAME: &str = "username";
pub(super) const BY_EMAIL: &str = "email";
/// In the order of a list.
pub(super) const BY_TIME: &str = "time";
pub(super) const BY_MARK: &str = "mark";
pub(super) const BY_AUTHOR: &str = "author";
pub(super) const BY_AUTHOR_AND_MARK: &str = "author_and_mark";
pub(super) const BY_QUESTION: &str = "question";
pub(super) const BY_USER: &str = "user";
/// When sessions are over.
pub(super) const BY_END: &str = "over";
/// What is being deleted: few, and none after the next sweep.
pub(super) const DELETING: &str = "deleting";
/// Questions whose answers were counted up or down lately.
pub(super) const RECOUNTS: &str = "recounts";

/// How long after its end a session is removed where no server is there to do it. Longer than a server remembers it.
const FORGOTTEN: Duration = Duration::from_hours(8 * 24);

/// A collection as it must be.
pub(super) struct Collection {
    pub(super) name: &'static str,
    /// Its `$jsonSchema`.
    pub(super) shape: Document,
    pub(super) indexes: Vec<IndexModel>,
}

/// All of them.
pub(super) fn collections() -> [Collection; 6] {
    [schema(), accounts(), sessions(), avatars(), questions(), answers()]
}

const REQUIRED: bool = true;
const OPTIONAL: bool = false;

/// An object with these fields and no others, each with its type of BSON's; `v` besides.
fn object(fields: &[(&str, &str, bool)]) -> Document {
    let mut properties = doc! { "v": { "bsonType": "int", "minimum": 1 } };
    let mut required = vec!["v"];
    for (name, kind, is_required) in fields {
        properties.insert(*name, doc! { "bsonType": *kind });
        if *is_required {
            required.push(name);
        }
    }
    doc! {
        "bsonType": "object", "required": required, "properties": properties, "additionalProperties": false,
    }
}

fn index(name: &str, keys: Document) -> IndexModel {
    with_options(keys, IndexOptions::builder().name(name.to_owned()).build())
}

/// A document without the key is not in it: an account that is being deleted has given its name up.
fn unique(name: &str, keys: Document) -> IndexModel {
    with_options(keys, IndexOptions::builder().name(name.to_owned()).unique(true).sparse(true).build())
}

fn partial(name: &str, keys: Document, filter: Document) -> IndexModel {
    with_options(
        keys,
        IndexOptions::builder().name(name.to_owned()).partial_filter_expression(filter).build(),
    )
}

fn with_options(keys: Document, options: IndexOptions) -> IndexModel {
    IndexModel::builder().keys(keys).options(options).build()
}

/// Marked documents by the time of the mark.
fn deleting() -> IndexModel {
    partial(DELETING, doc! { "deletedAt": 1 }, doc! { "deleting": true })
}

/// The version of the whole.
fn schema() -> Collection {
    let shape = object(&[("_id", "string", REQUIRED), ("version", "int", REQUIRED)]);
    Collection { name: "schema", shape, indexes: vec![] }
}

fn accounts() -> Collection {
    let live = [
        ("username", "string"),
        ("usernameKey", "string"),
        ("email", "string"),
        ("emailKey", "string"),
        ("password", "string"),
        ("role", "string"),
        ("verified", "bool"),
        ("suspended", "bool"),
        ("createdAt", "date"),
        ("avatarSeed", "string"),
        ("avatarVersion", "long"),
    ];
    let mut fields = vec![
        ("_id", "binData", REQUIRED),
        ("deleting", "bool", REQUIRED),
        ("deletedAt", "date", OPTIONAL),
        ("content", "string", OPTIONAL),
    ];
    fields.extend(live.map(|(name, kind)| (name, kind, OPTIONAL)));
    let mut shape = object(&fields);
    // Either all of an account, or the mark that is left of one.
    shape.insert(
        "oneOf",
        vec![
            doc! {
                "required": live.map(|(name, _)| name).to_vec(),
                "properties": { "deleting": { "enum": [false] }, "role": { "enum": ["USER", "ADMIN"] } },
            },
            doc! {
                "required": ["deletedAt", "content"],
                "properties": { "deleting": { "enum": [true] }, "content": { "enum": ["keep", "erase"] } },
            },
        ],
    );
    let indexes = vec![
        unique(BY_USERNAME, doc! { "usernameKey": 1 }),
        unique(BY_EMAIL, doc! { "emailKey": 1 }),
        index(BY_TIME, doc! { "deleting": 1, "createdAt": 1, "_id": 1 }),
        deleting(),
    ];
    Collection { name: "accounts", shape, indexes }
}

fn sessions() -> Collection {
    let shape = object(&[
        ("_id", "binData", REQUIRED),
        ("user", "binData", REQUIRED),
        ("generation", "long", REQUIRED),
        ("current", "binData", REQUIRED),
        ("previous", "binData", OPTIONAL),
        ("rotatedAt", "date", REQUIRED),
        ("replays", "long", REQUIRED),
        ("createdAt", "date", REQUIRED),
        ("lastSeen", "date", REQUIRED),
        ("expiresAt", "date", REQUIRED),
        ("absoluteAt", "date", REQUIRED),
        ("endedAt", "date", OPTIONAL),
        ("endReason", "string", OPTIONAL),
        ("over", "date", REQUIRED),
        ("device", "string", REQUIRED),
    ]);
    // A cleaner and no more: whether a session is worth anything is in the filter of every query.
    let forgotten = IndexOptions::builder().name(BY_END.to_owned()).expire_after(FORGOTTEN).build();
    let indexes = vec![
        index(BY_USER, doc! { "user": 1, "createdAt": -1, "_id": -1 }),
        with_options(doc! { "over": 1 }, forgotten),
    ];
    Collection { name: "sessions", shape, indexes }
}

/// Apart from the accounts, which are read much more often and are a hundredth of the size.
fn avatars() -> Collection {
    let mut shape = object(&[
        ("_id", "binData", REQUIRED),
        ("version", "long", REQUIRED),
        ("svg", "string", REQUIRED),
        ("createdAt", "date", REQUIRED),
    ]);
    if let Ok(properties) = shape.get_document_mut("properties") {
        properties.insert("svg", doc! { "bsonType": "string", "maxLength": 256 * 1024 });
    }
    Collection { name: "avatars", shape, indexes: vec![] }
}

fn questions() -> Collection {
    let shape = object(&[
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
    ]);
    let recounts = IndexOptions::builder().name(RECOUNTS.to_owned()).sparse(true).build();
    // `deleting` stands in each, always there and almost always false, so that counting reads the index alone.
    let indexes = vec![
        index(BY_TIME, doc! { "deleting": 1, "createdAt": -1, "_id": -1 }),
        index(BY_MARK, doc! { "deleting": 1, "answered": 1, "createdAt": -1, "_id": -1 }),
        index(BY_AUTHOR, doc! { "author": 1, "deleting": 1, "createdAt": -1, "_id": -1 }),
        index(
            BY_AUTHOR_AND_MARK,
            doc! { "author": 1, "deleting": 1, "answered": 1, "createdAt": -1, "_id": -1 },
        ),
        deleting(),
        with_options(doc! { "recountAt": 1 }, recounts),
    ];
    Collection { name: "questions", shape, indexes }
}

fn answers() -> Collection {
    let shape = object(&[
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
    ]);
    let indexes = vec![
        index(BY_QUESTION, doc! { "question": 1, "deleting": 1, "createdAt": 1, "_id": 1 }),
        index(BY_AUTHOR, doc! { "author": 1, "deleting": 1 }),
        deleting(),
    ];
    Collection { name: "answers", shape, indexes }
}
