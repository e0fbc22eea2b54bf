//! Opens the store that the configuration names.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

#[cfg(feature = "mongodb")]
use crate::store::mongo::{self, Mongo};
use crate::{
    config::Config,
    local::{self, Lock},
    store::{
        Store,
        sqlite::{self, Sqlite},
    },
};

/// Why the store was not opened; each text is one line that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file.
    #[error(transparent)]
    Sqlite(#[from] sqlite::OpenError),
    /// The directory cannot be claimed.
    #[error(transparent)]
    Local(#[from] local::DataDirError),
    /// The data has to be migrated, and a server uses it.
    #[error("{} has data of an older version, and is served at http://{owner}: stop that server and start this version of it, which migrates the data", path.display())]
    Served {
        /// The data directory.
        path: PathBuf,
        /// Where the owner of the directory listens.
        owner: SocketAddr,
    },
    /// The database of MongoDB's.
    #[cfg(feature = "mongodb")]
    #[error(transparent)]
    Mongo(#[from] mongo::OpenError),
}

/// How long to wait before a database that did not answer is tried again. The driver has waited for it by then.
#[cfg(feature = "mongodb")]
const AGAIN: std::time::Duration = std::time::Duration::from_secs(1);

/// Who opens the store.
#[derive(Clone, Copy, Debug)]
pub enum Opener<'a> {
    /// A server, which owns its data directory: it migrates the data, and waits for a database that does not answer.
    Server(&'a Lock),
    /// A command, beside a server or without one: it migrates only where no server runs, and waits for nothing.
    Command,
}

/// Opens the store that the configuration names and brings its data up to date: a database of MongoDB's, or the file in
/// this directory. A demonstration never leaves its directory.
pub async fn connect(config: &Config, dir: &Path, opener: Opener<'_>) -> Result<Arc<dyn Store>, OpenError> {
    #[cfg(feature = "mongodb")]
    if let Some(target) = config.mongo.target().filter(|_| !config.demo) {
        return Ok(Arc::new(open_mongo(&target, opener).await?));
    }
    #[cfg(not(feature = "mongodb"))]
    let _ = config;
    let (dir, owner) = (dir.to_owned(), matches!(opener, Opener::Server(_)));
    // A migration takes as long as it takes.
    let open = move || if owner { Ok(Sqlite::open(&dir)?) } else { beside_a_server(&dir) };
    match tokio::task::spawn_blocking(open).await {
        Ok(store) => Ok(Arc::new(store?)),
        Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
    }
}

/// Opens the file as its owner, if no server is that; then one that starts meanwhile waits a moment.
fn beside_a_server(dir: &Path) -> Result<Sqlite, OpenError> {
    if let Some(_lock) = local::try_claim(dir)? {
        return Ok(Sqlite::open(dir)?);
    }
    Sqlite::attach(dir).map_err(|error| match (error, local::published(dir)) {
        (sqlite::OpenError::Outdated { .. }, Some(owner)) => {
            OpenError::Served { path: dir.to_owned(), owner }
        }
        (error, _) => error.into(),
    })
}

#[cfg(feature = "mongodb")]
async fn open_mongo(target: &mongo::Target, opener: Opener<'_>) -> Result<Mongo, mongo::OpenError> {
    let mut told = false;
    loop {
        match Mongo::open(target).await {
            Err(error) if error.passes() && matches!(opener, Opener::Server(_)) => {
                if !told {
                    tracing::warn!("{error}. The server waits for it.");
                    told = true;
                }
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                tracing::debug!(cause, "MongoDB still does not answer.");
                tokio::time::sleep(AGAIN).await;
            }
            result => {
                if told && result.is_ok() {
                    tracing::info!("MongoDB answers; the server goes on.");
                }
                return result;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use ro_co_tests::previous;

    use super::*;
    use crate::store::sqlite::FILE_NAME;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        config: Config,
    }

    #[tokio::test]
    async fn a_command_beside_a_server_refuses_older_data_and_names_the_server() {
        let dir = tempfile::tempdir().unwrap();
        previous::data_directory(dir.path());
        let before = std::fs::read(dir.path().join(FILE_NAME)).unwrap();
        let Cli { config } = Cli::parse_from(["ro-co-server"]);
        let lock = local::try_claim(dir.path()).unwrap().unwrap();
        lock.publish("127.0.0.1:8123".parse().unwrap()).unwrap();

        let refused = connect(&config, dir.path(), Opener::Command).await.err().unwrap().to_string();
        assert!(refused.contains("http://127.0.0.1:8123") && !refused.contains('\n'), "{refused}");
        assert!(before == std::fs::read(dir.path().join(FILE_NAME)).unwrap(), "it was left alone");

        connect(&config, dir.path(), Opener::Server(&lock)).await.unwrap().close().await;
        connect(&config, dir.path(), Opener::Command).await.unwrap().close().await;
    }

    #[tokio::test]
    async fn a_command_without_a_server_migrates() {
        let dir = tempfile::tempdir().unwrap();
        previous::data_directory(dir.path());
        let Cli { config } = Cli::parse_from(["ro-co-server"]);
        let store = connect(&config, dir.path(), Opener::Command).await.unwrap();
        assert!(local::try_claim(dir.path()).unwrap().is_some(), "the directory is given up once it is open");
        store.close().await;
    }
}
