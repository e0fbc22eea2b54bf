//! Stores for the tests.

use std::sync::Arc;

use super::Sqlite;
use crate::store::contract::Fresh;

/// An empty store in a directory that goes with it.
pub(in crate::store) fn fresh() -> Fresh {
    let dir = tempfile::tempdir().unwrap();
    Fresh { store: Arc::new(Sqlite::open(dir.path()).unwrap()), _keep: Box::new(dir) }
}
