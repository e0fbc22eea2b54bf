//! The fixtures of the previous release, from which every upgrade starts: `tests/fixtures/previous`, made by the
//! program `previous`.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use serde_json::Value;

use crate::{mongo_dump, programs::workspace};

/// The commit of the previous release.
pub const RELEASE: &str = include_str!("../fixtures/previous/release").trim_ascii();

/// Where the fixture of MongoDB is, below the other.
pub const MONGODB: &str = "mongodb";

/// Where the fixture is.
pub fn directory() -> PathBuf {
    workspace().join("tests/fixtures/previous")
}

/// Makes `dir` the data directory that a server of the previous release left behind.
///
/// # Panics
/// When it cannot be written.
pub fn data_directory(dir: &Path) {
    fs::create_dir_all(dir).unwrap();
    for name in ["ro-co.db", "secret.key"] {
        fs::copy(directory().join(name), dir.join(name)).unwrap();
        // Git keeps no modes.
        fs::set_permissions(dir.join(name), Permissions::from_mode(0o600)).unwrap();
    }
}

/// Makes a database out of the fixture of MongoDB, one `.bson` a collection beside the same records.
///
/// # Panics
/// When it cannot be written.
pub fn load_mongodb(uri: &str, database: &str) {
    mongo_dump::load(&directory().join(MONGODB), uri, database);
}

/// The secret of the fixture of MongoDB.
///
/// # Panics
/// When it cannot be read.
pub fn mongodb_secret() -> String {
    fs::read_to_string(directory().join(MONGODB).join("secret.key")).unwrap().trim().to_owned()
}

/// How to sign in to the fixture and what to repeat there: `release`, `madeAt`, `password`, `admin` (an email
/// address), `accounts`, `sessions`, `keyed` (creates with their `Idempotency-Key`) and `cursors`.
pub fn sessions() -> Value {
    read("sessions.json")
}

/// What the previous release answered for each path of a list, without `/api/v1`.
pub fn contents() -> Value {
    read("contents.json")
}

/// As [`sessions`], of the fixture of MongoDB.
pub fn mongodb_sessions() -> Value {
    read("mongodb/sessions.json")
}

/// As [`contents`], of the fixture of MongoDB.
pub fn mongodb_contents() -> Value {
    read("mongodb/contents.json")
}

fn read(name: &str) -> Value {
    serde_json::from_slice(&fs::read(directory().join(name)).unwrap()).unwrap()
}
