//! Which back end, and opening it.

use std::{path::Path, sync::Arc};

use super::{
    Store,
    sqlite::{self, Sqlite},
};
use crate::config::Config;

/// Why the store was not opened; each text is one line that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file.
    #[error(transparent)]
    Sqlite(#[from] sqlite::OpenError),
    /// The database of MongoDB's.
    #[cfg(feature = "mongodb")]
    #[error(transparent)]
    Mongo(#[from] super::mongo::OpenError),
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
        return Ok(Arc::new(mongo(&target, patience).await?));
    }
    #[cfg(not(feature = "mongodb"))]
    let _ = (config, patience);
    Ok(Arc::new(Sqlite::open(dir)?))
}

#[cfg(feature = "mongodb")]
async fn mongo(
    target: &super::mongo::Target,
    patience: Patience,
) -> Result<super::mongo::Mongo, super::mongo::OpenError> {
    let mut told = false;
    loop {
        match super::mongo::Mongo::open(target).await {
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
