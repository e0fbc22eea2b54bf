//! The original's database.

use std::{collections::HashSet, time::Duration};

use futures_util::TryStreamExt;
use mongodb::{
    Client, Cursor, Database,
    bson::{RawDocumentBuf, doc, oid::ObjectId},
    error::ErrorKind,
    options::ClientOptions,
};

use super::{Error, Kind};

/// How long a server is looked for, unless the address says otherwise.
const PATIENCE: Duration = Duration::from_secs(5);
/// Rows worked on at a time.
const BATCH: usize = 500;
/// Bytes of them after which a batch is full: a user's row holds a picture of any size.
const BATCH_BYTES: usize = 16 << 20;

/// An original's database, to be read only.
pub(super) struct Source(Database);

/// The documents of a collection, in the order of their ids.
pub(super) struct Documents(Cursor<RawDocumentBuf>);

impl Source {
    /// Connects, and makes sure that something of the original's is there.
    pub(super) async fn connect(address: &str, database: Option<&str>) -> Result<Self, Error> {
        let mut options = ClientOptions::parse(address).await.map_err(|e| Error::Source(short(&e)))?;
        options.app_name.get_or_insert_with(|| "ro-co-server import".into());
        options.server_selection_timeout.get_or_insert(PATIENCE);
        options.connect_timeout.get_or_insert(PATIENCE);
        let client = Client::with_options(options).map_err(|e| Error::Source(short(&e)))?;
        let database = match database {
            Some(name) => client.database(name),
            None => client.default_database().ok_or(Error::NoDatabase)?,
        };
        let source = Self(database);
        if let Err(error) = source.is_an_original().await {
            source.close().await;
            return Err(error);
        }
        Ok(source)
    }

    async fn is_an_original(&self) -> Result<(), Error> {
        let names = self.0.list_collection_names().await.map_err(|e| Error::Source(short(&e)))?;
        let known = |kind: Kind| names.iter().any(|name| name == kind.collection());
        let any = Kind::ALL.into_iter().any(known);
        any.then_some(()).ok_or_else(|| Error::Empty(self.0.name().into()))
    }

    /// Ends what the driver does in the background. A client that is dropped leaves a task behind that ends its sessions,
    /// and a task that is still under way when the runtime ends may panic.
    pub(super) async fn close(self) {
        self.0.client().clone().shutdown().immediate(true).await;
    }

    /// How many documents there are, roughly.
    pub(super) async fn count(&self, kind: Kind) -> Result<u64, Error> {
        let collection = self.0.collection::<RawDocumentBuf>(kind.collection());
        collection.estimated_document_count().await.map_err(|e| Error::Broken(short(&e)))
    }

    /// All documents. A cursor lives for as long as it is read every few minutes.
    pub(super) async fn documents(&self, kind: Kind) -> Result<Documents, Error> {
        let collection = self.0.collection::<RawDocumentBuf>(kind.collection());
        let cursor = collection.find(doc! {}).sort(doc! {"_id": 1}).await;
        cursor.map(Documents).map_err(|e| Error::Broken(short(&e)))
    }

    /// Which of these there are.
    pub(super) async fn existing(
        &self,
        kind: Kind,
        ids: HashSet<ObjectId>,
    ) -> Result<HashSet<ObjectId>, Error> {
        let collection = self.0.collection::<RawDocumentBuf>(kind.collection());
        let ids: Vec<_> = ids.into_iter().collect();
        let found = async {
            let cursor = collection.find(doc! {"_id": {"$in": ids}}).projection(doc! {"_id": 1}).await?;
            cursor.try_collect::<Vec<_>>().await
        };
        let found = found.await.map_err(|e| Error::Broken(short(&e)))?;
        Ok(found.iter().filter_map(|row| row.get_object_id("_id").ok()).collect())
    }
}

impl Documents {
    /// The next documents; none at the end.
    pub(super) async fn batch(&mut self) -> Result<Vec<RawDocumentBuf>, Error> {
        let mut batch = Vec::new();
        let mut bytes = 0;
        while batch.len() < BATCH && bytes < BATCH_BYTES {
            match self.0.try_next().await.map_err(|e| Error::Broken(short(&e)))? {
                None => break,
                Some(document) => {
                    bytes += document.as_bytes().len();
                    batch.push(document);
                }
            }
        }
        Ok(batch)
    }
}

/// What is wrong, on one line and without the address, which may hold a password.
fn short(error: &mongodb::error::Error) -> String {
    match error.kind.as_ref() {
        ErrorKind::ServerSelection { .. } | ErrorKind::DnsResolve { .. } => {
            "no server answers at this address".into()
        }
        ErrorKind::Authentication { .. } => "it refuses the user's name or password".into(),
        ErrorKind::InvalidArgument { .. } => {
            "--from is no address of MongoDB's; it reads mongodb://user:password@host:27017/database, with special \
             characters in the user's name and password percent-encoded"
                .into()
        }
        ErrorKind::Command(failed) => format!("it refuses: {}", failed.message),
        other => other.to_string(),
    }
    .replace(['\n', '\r'], " ")
}
