//! Databases of MongoDB as files: one `.bson` for each collection, whose first document is its options and indexes and
//! whose others are its documents in the order of their ids.

use std::{fs, path::Path};

use mongodb::{
    Client, Database,
    bson::{Document, RawDocumentBuf, doc, serialize_to_vec},
};

/// Writes every collection of a database into a directory.
///
/// # Panics
/// When the database or the directory cannot be used.
pub fn dump(uri: &str, database: &str, directory: &Path) {
    fs::create_dir_all(directory).unwrap();
    on(uri, database, async |db| {
        let found = command(&db, doc! { "listCollections": 1 }).await;
        for collection in first_batch(&found) {
            let name = collection.get_str("name").unwrap().to_owned();
            let options = collection.get_document("options").unwrap().clone();
            let indexes = first_batch(&command(&db, doc! { "listIndexes": &name }).await);
            let indexes: Vec<_> = indexes
                .into_iter()
                .filter(|index| !index.get_str("name").is_ok_and(|name| name == "_id_"))
                .collect();
            let mut bytes = serialize_to_vec(&doc! { "options": options, "indexes": indexes }).unwrap();
            let mut rows =
                db.collection::<RawDocumentBuf>(&name).find(doc! {}).sort(doc! { "_id": 1 }).await.unwrap();
            while rows.advance().await.unwrap() {
                bytes.extend_from_slice(rows.current().as_bytes());
            }
            fs::write(directory.join(format!("{name}.bson")), bytes).unwrap();
        }
    });
}

/// Makes a database out of what [`dump`] wrote.
///
/// # Panics
/// When the database or the directory cannot be used.
pub fn load(directory: &Path, uri: &str, database: &str) {
    let mut files: Vec<_> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|ending| ending == "bson"));
    assert!(!files.is_empty(), "no fixture in {}", directory.display());
    on(uri, database, async |db| {
        for file in &files {
            let name = file.file_stem().unwrap().to_str().unwrap();
            let bytes = fs::read(file).unwrap();
            let mut rest = bytes.as_slice();
            let mut next = || (!rest.is_empty()).then(|| Document::from_reader(&mut rest).unwrap());
            let about = next().unwrap();
            let mut create = doc! { "create": name };
            create.extend(about.get_document("options").unwrap().clone());
            command(&db, create).await;
            let indexes = about.get_array("indexes").unwrap();
            if !indexes.is_empty() {
                command(&db, doc! { "createIndexes": name, "indexes": indexes }).await;
            }
            let documents: Vec<_> = std::iter::from_fn(next).collect();
            if !documents.is_empty() {
                db.collection::<Document>(name).insert_many(documents).await.unwrap();
            }
        }
    });
}

fn on(uri: &str, database: &str, work: impl AsyncFnOnce(Database)) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let client = Client::with_uri_str(uri).await.unwrap();
        work(client.database(database)).await;
        client.shutdown().immediate(true).await;
    });
}

async fn command(db: &Database, command: Document) -> Document {
    db.run_command(command).await.unwrap()
}

fn first_batch(answer: &Document) -> Vec<Document> {
    let batch = answer.get_document("cursor").unwrap().get_array("firstBatch").unwrap();
    batch.iter().map(|document| document.as_document().unwrap().clone()).collect()
}
