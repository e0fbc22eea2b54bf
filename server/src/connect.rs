//! Opens the store that the configuration names.

use std::{path::Path, sync::Arc};

#[cfg(feature = "mongodb")]
use crate::store::mongo::{self, Mongo};
use crate::{
    config::Config,
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
    /// The database of MongoDB's.
    #[cfg(feature = "mongodb")]
    #[error(transparent)]
    Mongo(#[from] mongo::OpenError),
}

/// How long to wait before a database that did not answer is tried again. The driver has waited for it by then.
#[cfg(feature = "mongodb")]
const AGAIN: std::time::Duration = std::time::Duration::from_secs(1);

/// What to do while a database on another machine does not answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Patience {
    /// Give up at once.
    None,
    /// Say so, and wait for it.
    Endless,
}

/// Opens the store that the configuration names and brings its data up to date: a database of MongoDB's, or the file in
/// this directory. A demonstration never leaves its directory.
pub async fn connect(config: &Config, dir: &Path, patience: Patience) -> Result<Arc<dyn Store>, OpenError> {
    #[cfg(feature = "mongodb")]
    if let Some(target) = config.mongo.target().filter(|_| !config.demo) {
        return Ok(Arc::new(open_mongo(&target, patience).await?));
    }
    #[cfg(not(feature = "mongodb"))]
    let _ = (config, patience);
    Ok(Arc::new(Sqlite::open(dir)?))
}

#[cfg(feature = "mongodb")]
async fn open_mongo(target: &mongo::Target, patience: Patience) -> Result<Mongo, mongo::OpenError> {
    let mut told = false;
    loop {
        match Mongo::open(target).await {
            Err(error) if error.passes() && patience == Patience::Endless => {
                if !told {
                    tracing::warn!("{error}. The server waits for it.");
                    told = true;
                }
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                tracing::debug!(cause, "MongoDB still does not answer.");
                tokio::time::sleep(AGAIN).await;
            }
            opened => {
                if told && opened.is_ok() {
                    tracing::info!("MongoDB answers; the server goes on.");
                }
                return opened;
            }
        }
    }
}
