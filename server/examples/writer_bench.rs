//! Writes a second, each on the disk before its answer: one writer against 32, who share commits.
//!
//! `cargo run --release -p ro-co-server --example writer_bench [DIRECTORY]` (ten seconds; the directory decides which disk)
#![expect(clippy::print_stdout, reason = "it is a program for a terminal")]

use std::{
    error::Error,
    sync::Arc,
    time::{Duration, Instant},
};

use ro_co_server::store::{Account, Accounts, CreatedAt, Question, Questions, Store, sqlite::Sqlite};
use ro_co_shared::{Body, QuestionId, QuestionText, Role, Timestamp, Title, UserId};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

const TIME: Duration = Duration::from_secs(3);

fn main() -> Outcome<()> {
    let parent = std::env::args_os().nth(1).map_or_else(std::env::temp_dir, Into::into);
    let dir = tempfile::tempdir_in(parent)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let store = Arc::new(Sqlite::open(dir.path())?);
        let author = account()?;
        store.add_account(&author).await?;
        for writers in [1, 8, 32, 128] {
            let (commits, start) = (store.commits(), Instant::now());
            let writes = write(&store, author.id, writers).await?;
            let (commits, seconds) = (store.commits() - commits, start.elapsed().as_secs_f64());
            println!(
                "{writers:>4} writers: {:>7.0} questions/s, {:>6.0} commits/s",
                f64::from(writes) / seconds,
                f64::from(u32::try_from(commits)?) / seconds
            );
        }
        store.close().await;
        Ok(())
    })
}

async fn write(store: &Arc<Sqlite>, author: UserId, writers: u32) -> Outcome<u32> {
    let end = Instant::now() + TIME;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..writers {
        let store = Arc::clone(store);
        tasks.spawn(async move {
            let mut written = 0;
            while Instant::now() < end {
                store.add_question(&question(author)).await?;
                written += 1;
            }
            Ok::<_, ro_co_server::store::Error>(written)
        });
    }
    let mut all = 0;
    while let Some(written) = tasks.join_next().await {
        all += written??;
    }
    Ok(all)
}

fn account() -> Outcome<Account> {
    Ok(Account {
        id: UserId::new(),
        username: "writer".parse()?,
        email: "writer@example.org".parse()?,
        password: String::new(),
        role: Role::User,
        verified: true,
        suspended: false,
        password_expires_at: None,
        created_at: Timestamp(0),
        avatar_seed: String::new(),
        avatar_version: 0,
    })
}

fn question(author: UserId) -> Question {
    Question {
        id: QuestionId::new(),
        author,
        text: QuestionText {
            description: Some(Body::unchecked("I would really appreciate any advice. ".repeat(8))),
            ..QuestionText::new(Title::unchecked("How do I join wood without a table saw?"))
        },
        created_at: CreatedAt::Now(Timestamp::now()),
        fingerprint: [0; 32],
    }
}
