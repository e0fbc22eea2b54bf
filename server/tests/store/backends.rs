//! Fresh stores for the tests.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicU32, Ordering},
};

use mongodb::{Client, options::ClientOptions};
use ro_co_server::store::{Store, mongo::Mongo, sqlite::Sqlite};
use ro_co_tests::mongo::{Node, ReplicaSet};

/// An empty store, and what must stay alive while it is used.
pub(crate) struct Fresh<S: ?Sized = dyn Store> {
    pub(crate) store: Arc<S>,
    keep: Keep,
}

enum Keep {
    Directory(tempfile::TempDir),
    Database { uri: String, name: String },
}

/// In a directory that goes with it.
pub(crate) fn sqlite() -> Fresh {
    let dir = tempfile::tempdir().unwrap();
    Fresh { store: Arc::new(Sqlite::open(dir.path()).unwrap()), keep: Keep::Directory(dir) }
}

/// A lone server, the same for all cases.
pub(crate) fn lone() -> String {
    static NODE: OnceLock<Node> = OnceLock::new();
    NODE.get_or_init(|| Node::start(&[])).uri()
}

/// A replica set, the same for all cases.
pub(crate) fn replicated() -> String {
    static SET: OnceLock<ReplicaSet> = OnceLock::new();
    SET.get_or_init(ReplicaSet::start).uri()
}

/// A name that no other case has.
pub(crate) fn new_name() -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    format!("case-{}", NUMBER.fetch_add(1, Ordering::Relaxed))
}

/// In a database that goes with it.
pub(crate) async fn mongo(uri: String) -> Fresh {
    let name = new_name();
    let options = ClientOptions::parse(&uri).await.unwrap();
    let store = Arc::new(Mongo::open_with(options, &name).await.unwrap());
    Fresh { store, keep: Keep::Database { uri, name } }
}

impl<S: Store + ?Sized> Fresh<S> {
    /// Closes the store and removes what it kept.
    pub(crate) async fn close(self) {
        self.store.close().await;
        match self.keep {
            Keep::Directory(dir) => drop(dir),
            Keep::Database { uri, name } => {
                let client = Client::with_uri_str(uri).await.unwrap();
                client.database(&name).drop().await.unwrap();
                client.shutdown().immediate(true).await;
            }
        }
    }
}

/// Runs a case as the server runs: on several threads.
pub(crate) fn block_on<T>(case: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(case)
}
