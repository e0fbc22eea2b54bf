//! Collections with their validators and indexes.
//!
//! Every query of the store names its index (`hint`), so that no plan depends on what the server has cached; the
//! integration test `store` checks each with `explain`.
//!
//! Servers of two releases run on one database during an upgrade. So a validator names what must be there and never
//! forbids what it does not know, and an index stays until no server in use hints it any more (see CONTRIBUTING,
//! "Changing the data").

use std::time::Duration;

use mongodb::{
    IndexModel,
    bson::{Document, doc},
    options::IndexOptions,
};

use super::documents::{ANSWER_FIELDS, OPTIONAL, QUESTION_FIELDS, REQUIRED, ShapeField};

/// The unique indexes on folded usernames and email addresses.
pub(super) const BY_USERNAME: &str = "username";
pub(super) const BY_EMAIL: &str = "email";
/// The unique index on confusable skeletons of usernames. Accounts without one are not in it.
pub(super) const BY_USERNAME_SKELETON: &str = "username_skeleton";
/// The unique index on canonical email addresses. Accounts without one are not in it.
pub(super) const BY_EMAIL_CANONICAL: &str = "email_canonical";
/// The live and suspended admins: few.
pub(super) const BY_ADMIN: &str = "admin";
pub(super) const BY_BCRYPT: &str = "bcrypt";
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

/// A collection as this version declares it.
pub(super) struct Collection {
    pub(super) name: &'static str,
    /// Its `$jsonSchema`.
    pub(super) validator: Document,
    pub(super) indexes: Vec<IndexModel>,
}

/// All collections of this version.
pub(super) fn collections() -> [Collection; 8] {
    [schema(), meta(), jobs(), accounts(), sessions(), avatars(), questions(), answers()]
}

/// An object with these fields, each with its BSON type, and `v`. Others are allowed: a server of the next release may
/// write them already.
fn object(fields: &[ShapeField]) -> Document {
    let mut properties = doc! { "v": { "bsonType": "int", "minimum": 1 } };
    let mut required = vec!["v"];
    for (name, kind, is_required) in fields {
        properties.insert(*name, doc! { "bsonType": *kind });
        if *is_required {
            required.push(name);
        }
    }
    doc! { "bsonType": "object", "required": required, "properties": properties }
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

/// One document: the version of the data, and the oldest version whose programs may start on it.
fn schema() -> Collection {
    let validator =
        object(&[("_id", "string", REQUIRED), ("version", "int", REQUIRED), ("oldest", "int", OPTIONAL)]);
    Collection { name: "schema", validator, indexes: vec![] }
}

/// Values of the whole database by name, such as the key behind the ids of keyed creates, and the guard of the last
/// admin (see `admins`), which has the fields after `value`.
fn meta() -> Collection {
    let validator = object(&[
        ("_id", "string", REQUIRED),
        ("value", "binData", OPTIONAL),
        ("revision", "long", OPTIONAL),
        ("leaving", "array", OPTIONAL),
    ]);
    Collection { name: "meta", validator, indexes: vec![] }
}

/// Background jobs by name, each with the lease of the server that runs it.
fn jobs() -> Collection {
    let validator = object(&[
        ("_id", "string", REQUIRED),
        ("holder", "string", OPTIONAL),
        ("leaseUntil", "date", REQUIRED),
        ("state", "string", OPTIONAL),
    ]);
    Collection { name: "jobs", validator, indexes: vec![] }
}

/// Accounts whose password is a BCrypt hash.
pub(super) fn bcrypt_hashes() -> Document {
    doc! { "password": { "$gte": "$2", "$lt": "$3" } }
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
    // Since version 2. Servers of version 1 may still write accounts without them.
    fields.extend([
        ("usernameSkeleton", "string", OPTIONAL),
        ("emailCanonical", "string", OPTIONAL),
        ("passwordExpiresAt", "date", OPTIONAL),
        ("adminRevision", "long", OPTIONAL),
    ]);
    let mut validator = object(&fields);
    // Either a whole account, or the mark that is left of a deleted one.
    validator.insert(
        "oneOf",
        vec![
            doc! {
                "required": live.map(|(name, _)| name).to_vec(),
                "properties": { "deleting": { "enum": [false] } },
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
        unique(BY_USERNAME_SKELETON, doc! { "usernameSkeleton": 1 }),
        unique(BY_EMAIL_CANONICAL, doc! { "emailCanonical": 1 }),
        partial(BY_BCRYPT, doc! { "password": 1 }, bcrypt_hashes()),
        partial(BY_ADMIN, doc! { "role": 1 }, doc! { "role": "ADMIN" }),
        index(BY_TIME, doc! { "deleting": 1, "createdAt": 1, "_id": 1 }),
        deleting(),
    ];
    Collection { name: "accounts", validator, indexes }
}

fn sessions() -> Collection {
    let validator = object(&[
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
        // Since version 2.
        ("keyed", "bool", OPTIONAL),
        ("refreshKey", "binData", OPTIONAL),
        ("refreshKeyGeneration", "long", OPTIONAL),
        ("graceUsed", "bool", OPTIONAL),
    ]);
    // A cleaner and no more: whether a session is worth anything is in the filter of every query.
    let forgotten = IndexOptions::builder().name(BY_END.to_owned()).expire_after(FORGOTTEN).build();
    let indexes = vec![
        index(BY_USER, doc! { "user": 1, "createdAt": -1, "_id": -1 }),
        with_options(doc! { "over": 1 }, forgotten),
    ];
    Collection { name: "sessions", validator, indexes }
}

/// Apart from the accounts, which are read much more often and are a hundredth of the size.
fn avatars() -> Collection {
    let mut validator = object(&[
        ("_id", "binData", REQUIRED),
        ("version", "long", REQUIRED),
        ("svg", "string", REQUIRED),
        ("createdAt", "date", REQUIRED),
    ]);
    if let Ok(properties) = validator.get_document_mut("properties") {
        properties.insert("svg", doc! { "bsonType": "string", "maxLength": 256 * 1024 });
    }
    Collection { name: "avatars", validator, indexes: vec![] }
}

fn questions() -> Collection {
    let validator = object(QUESTION_FIELDS);
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
    Collection { name: "questions", validator, indexes }
}

fn answers() -> Collection {
    let validator = object(ANSWER_FIELDS);
    let indexes = vec![
        index(BY_QUESTION, doc! { "question": 1, "deleting": 1, "createdAt": 1, "_id": 1 }),
        index(BY_AUTHOR, doc! { "author": 1, "deleting": 1 }),
        deleting(),
    ];
    Collection { name: "answers", validator, indexes }
}
