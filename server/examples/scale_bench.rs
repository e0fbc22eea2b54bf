//! Whether the number of questions matters: the list of 10 by cursor from the middle, a question by id, and a create,
//! at growing numbers of questions, on SQLite and on a lone MongoDB in one run.
//!
//! `cargo run --release -p ro-co-server --example scale_bench [SIZES]` (1000 100000 1000000 unless told; some minutes).
//! Needs a mongod (`tests/setup`).
#![expect(clippy::print_stdout, reason = "it is a program for a terminal")]

#[path = "http/mod.rs"]
mod http;

use std::{collections::HashMap, sync::Arc};

use http::{CONNECTIONS, Outcome, get, load, serve};
use mongodb::{
    Client,
    bson::{DateTime, Document, Uuid as BsonUuid, doc},
    options::WriteConcern,
};
use ro_co_server::{
    App, Settings, api,
    avatar::{Avatars, Source},
    clock::Clock,
    keys::Keys,
    limits::Policy,
    secret::Secret,
    store::{
        Account, CreatedAt, Question, Store,
        mongo::{Mongo, Target},
        sqlite::Sqlite,
    },
};
use ro_co_shared::{Body, QuestionId, QuestionText, Role, Timestamp, Title, UserId};
use ro_co_tests::mongo::Node;
use secrecy::SecretString;
use tokio::task::JoinSet;

const DATABASE: &str = "scale";

fn main() -> Outcome<()> {
    let mut sizes: Vec<i64> = std::env::args().skip(1).map(|n| n.parse()).collect::<Result<_, _>>()?;
    if sizes.is_empty() {
        sizes = vec![1_000, 100_000, 1_000_000];
    }
    // Before the runtime: it has one of its own.
    let node = Node::start(&[]);
    let runtime = tokio::runtime::Runtime::new()?;
    println!("{:<10} {:>9}  {:<22} {:>9} {:>8} {:>8}", "", "questions", "", "/s", "p50 ms", "p99 ms");
    runtime.block_on(async {
        let dir = tempfile::tempdir()?;
        measure("SQLite", Arc::new(Sqlite::open(dir.path())?), None, &sizes).await?;
        let target =
            Target { uri: SecretString::from(node.uri()), database: DATABASE.into(), pool: CONNECTIONS };
        let raw = Client::with_uri_str(node.uri()).await?;
        measure("MongoDB", Arc::new(Mongo::open(&target).await?), Some(raw), &sizes).await
    })
}

async fn measure(name: &str, store: Arc<dyn Store>, raw: Option<Client>, sizes: &[i64]) -> Outcome<()> {
    let dir = tempfile::tempdir()?;
    let keys = Keys::new(&Secret::read_or_make(dir.path())?)?;
    let avatars = Avatars::new(store.clone(), Source::Builtin);
    let settings = Settings { limits: Policy::Off, ..Settings::default() };
    let app = App::new(Arc::clone(&store), keys, avatars, Clock::default(), settings);
    let account = account()?;
    store.add_account(&account).await?;
    let session = app.open_session(&account, &account.password, "bench".into()).await;
    let token = session.ok().flatten().ok_or("no session")?.token;
    let address = serve(app.service()).await?;
    let mut middles: HashMap<i64, Option<Question>> = sizes.iter().map(|size| (size / 2, None)).collect();
    let mut filled = 0;
    for size in sizes {
        for n in filled..*size {
            middles.entry(n).and_modify(|middle| *middle = Some(question(account.id, n)));
        }
        match &raw {
            None => fill(&store, account.id, filled..*size, &middles).await?,
            Some(raw) => fill_raw(raw, &store, account.id, filled..*size, &middles).await?,
        }
        filled = *size;
        let middle = middles[&(size / 2)].as_ref().ok_or("no middle")?;
        let cursor = api::question_cursor(&app.keys, middle.created_at.time(), middle.id);
        let list = get(&format!("/api/v1/question/all?cursor={cursor}"), &token);
        let by_id = get(&format!("/api/v1/question/{}", middle.id), &token);
        let create = create(&token);
        for (what, request) in
            [("list of 10 by cursor", list), ("question by id", by_id), ("create, 32 writers", create)]
        {
            let load = load(address, &request).await?;
            let (rate, p50, p99) = (load.rate(), load.percentile(50), load.percentile(99));
            println!("{name:<10} {size:>9}  {what:<22} {rate:>9.0} {p50:>8.2} {p99:>8.2}");
        }
    }
    store.close().await;
    Ok(())
}

fn account() -> Outcome<Account> {
    Ok(Account {
        id: UserId::new(),
        username: "bench".parse()?,
        email: "bench@example.org".parse()?,
        password: "none".into(),
        role: Role::User,
        verified: false,
        suspended: false,
        password_expires_at: None,
        created_at: Timestamp::now(),
        avatar_seed: "bench".into(),
        avatar_version: 1,
    })
}

/// The `n`th question, a millisecond after the one before.
fn question(author: UserId, n: i64) -> Question {
    Question {
        id: QuestionId::new(),
        author,
        text: QuestionText {
            description: Some(Body::unchecked("I would really appreciate any advice. ".repeat(8))),
            ..QuestionText::new(Title::unchecked(format!(
                "How do I join wood without a table saw, the {n}th?"
            )))
        },
        created_at: CreatedAt::Recorded(Timestamp(1_700_000_000_000 + n)),
        fingerprint: [0; 32],
    }
}

/// By the store itself, which commits many in one group.
async fn fill(
    store: &Arc<dyn Store>,
    author: UserId,
    numbers: std::ops::Range<i64>,
    middles: &HashMap<i64, Option<Question>>,
) -> Outcome<()> {
    let mut writing = JoinSet::new();
    for n in numbers {
        let question = middles.get(&n).cloned().flatten().unwrap_or_else(|| question(author, n));
        let store = Arc::clone(store);
        writing.spawn(async move { store.add_question(&question).await.map(drop) });
        if writing.len() >= 500 {
            writing.join_next().await.ok_or("nothing to wait for")???;
        }
    }
    while let Some(written) = writing.join_next().await {
        written??;
    }
    Ok(())
}

/// As copies of a document that the store has written, many at a time: a million by the store would take an hour.
async fn fill_raw(
    raw: &Client,
    store: &Arc<dyn Store>,
    author: UserId,
    numbers: std::ops::Range<i64>,
    middles: &HashMap<i64, Option<Question>>,
) -> Outcome<()> {
    let rows = raw.database(DATABASE).collection::<Document>("questions");
    let first = question(author, numbers.start);
    store.add_question(&first).await?;
    let model = rows.find_one(doc! {}).await?.ok_or("no document")?;
    let mut batch = Vec::new();
    for n in numbers.clone().skip(1) {
        let question = middles.get(&n).cloned().flatten().unwrap_or_else(|| question(author, n));
        let mut copy = model.clone();
        let at = DateTime::from_millis(question.created_at.time().0);
        copy.insert("_id", BsonUuid::from_bytes(question.id.0.into_bytes()));
        copy.insert("title", question.text.title.as_str());
        copy.insert("createdAt", at);
        copy.insert("updatedAt", at);
        batch.push(copy);
        if batch.len() == 5_000 || n + 1 == numbers.end {
            let insert = rows.insert_many(std::mem::take(&mut batch)).ordered(false);
            insert.write_concern(WriteConcern::nodes(1)).await?;
        }
    }
    Ok(())
}

fn create(token: &str) -> Vec<u8> {
    let body = r#"{"title":"Does it matter how many there are?","description":"I would like to know."}"#;
    format!(
        "POST /api/v1/question HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}
