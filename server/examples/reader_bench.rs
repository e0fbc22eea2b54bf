//! How SQLite is best read from a runtime: the figures in `docs/adr/0004-how-sqlite-is-read.md`.
//!
//! `cargo run --release -p ro-co-server --example reader_bench` (about half a minute)
//!
//! The same query (10 questions with their authors, from 10,000) by 32 callers on a runtime with 2 workers, each way alone; then
//! again while 4 callers ask for the last page by number, which is slow. An empty task, spawned from outside each
//! millisecond, measures how late the runtime comes to it.
#![expect(clippy::print_stdout, reason = "it is a program for a terminal")]

use std::{
    error::Error,
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    time::{Duration, Instant},
};

use ro_co_server::store::{
    Account, Accounts, CreatedAt, ListQuery, Order, Position, Question, QuestionFilter, Questions, Slice,
    Store,
    sqlite::{FILE_NAME, Sqlite},
};
use ro_co_shared::{Body, QuestionId, QuestionText, Role, Timestamp, Title, UserId};
use rusqlite::{Connection, OpenFlags};
use tokio::{runtime::Handle, sync::oneshot};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

const QUESTIONS: u64 = 10_000;
const CALLERS: usize = 32;
const SLOW_CALLERS: usize = 4;
const TIME: Duration = Duration::from_secs(2);

fn main() -> Outcome<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let dir = tempfile::tempdir()?;
    runtime.block_on(fill(dir.path()))?;
    println!("milliseconds          alone                          beside slow queries");
    println!(
        "                      lists/s    p50    p99  task p99    lists/s    p99    max  task p99    max   slow/s"
    );
    let only = std::env::args().nth(1);
    for name in ["in place", "block_in_place", "spawn_blocking", "reader threads", "the store"] {
        if only.as_ref().is_some_and(|only| only != name) {
            continue;
        }
        let alone = runtime.block_on(measure(Arc::new(Way::new(name, dir.path())?), 0))?;
        let beside = runtime.block_on(measure(Arc::new(Way::new(name, dir.path())?), SLOW_CALLERS))?;
        println!(
            "{name:<20} {:>8.0} {} {}    {}   {:>8.0} {} {}    {} {} {:>8.0}",
            per_second(&alone.lists),
            share(&alone.lists, 0.5),
            share(&alone.lists, 0.99),
            share(&alone.task, 0.99),
            per_second(&beside.lists),
            share(&beside.lists, 0.99),
            share(&beside.lists, 1.0),
            share(&beside.task, 0.99),
            share(&beside.task, 1.0),
            per_second(&beside.slow),
        );
    }
    Ok(())
}

async fn fill(dir: &Path) -> Outcome<()> {
    let store = Arc::new(Sqlite::open(dir)?);
    let mut authors = Vec::new();
    for i in 0..100 {
        let account = Account {
            id: UserId::new(),
            username: format!("user {i}").parse()?,
            email: format!("user{i}@example.org").parse()?,
            password: String::new(),
            role: Role::User,
            verified: true,
            suspended: false,
            password_expires_at: None,
            created_at: Timestamp(i),
            avatar_seed: String::new(),
            avatar_version: 0,
        };
        store.add_account(&account).await?;
        authors.push(account.id);
    }
    let mut writes = tokio::task::JoinSet::new();
    for i in 0..QUESTIONS {
        let question = Question {
            id: QuestionId::new(),
            author: authors[usize::try_from(i)? % authors.len()],
            text: QuestionText {
                description: Some(Body::unchecked("I would really appreciate any advice. ".repeat(8))),
                ..QuestionText::new(Title::unchecked(format!(
                    "How do I join wood without a table saw, part {i}?"
                )))
            },
            created_at: CreatedAt::Recorded(Timestamp(i64::try_from(i)?)),
            fingerprint: [0; 32],
        };
        let store = Arc::clone(&store);
        writes.spawn(async move { store.add_question(&question).await.map(drop) });
        if writes.len() == 200 {
            while let Some(done) = writes.join_next().await {
                done??;
            }
        }
    }
    store.close().await;
    Ok(())
}

/// As the store's.
const LIST: &str =
    "SELECT q.id, q.title, q.description, q.created_at, q.updated_at, q.answered, q.answers, q.version,
    a.id, a.username, a.avatar_version FROM questions q CROSS JOIN accounts a ON a.id = q.author
    WHERE (q.created_at, q.id) < (?1, ?2) ORDER BY q.created_at DESC, q.id DESC LIMIT 10 OFFSET ?3";

type Row = ([u8; 16], String, Option<String>, [i64; 2], bool, [i64; 2], [u8; 16], String, i64);

fn list(db: &Connection, skip: u64) -> rusqlite::Result<Vec<Row>> {
    db.prepare_cached(LIST)?
        .query_map((i64::MAX, [0xff_u8; 17], i64::try_from(skip).unwrap_or(i64::MAX)), |row| {
            Ok((
                row.get(0)?,
                row.get(1)?,
                row.get(2)?,
                [row.get(3)?, row.get(4)?],
                row.get(5)?,
                [row.get(6)?, row.get(7)?],
                row.get(8)?,
                row.get(9)?,
                row.get(10)?,
            ))
        })?
        .collect()
}

/// A way to call SQLite.
enum Way {
    InPlace(Pool),
    BlockInPlace(Pool),
    SpawnBlocking(Pool),
    Threads(SyncSender<Job>),
    Store(Box<Sqlite>),
}

type Job = Box<dyn FnOnce(&Connection) + Send>;

#[derive(Clone)]
struct Pool(Arc<Vec<Mutex<Connection>>>);

impl Pool {
    fn list(&self, skip: u64) -> Outcome<usize> {
        let free = self.0.iter().find_map(|db| db.try_lock().ok());
        let db = free.unwrap_or_else(|| self.0[0].lock().unwrap_or_else(PoisonError::into_inner));
        Ok(list(&db, skip)?.len())
    }
}

impl Way {
    fn new(name: &str, dir: &Path) -> Outcome<Self> {
        let open = |_| {
            let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let db = Connection::open_with_flags(dir.join(FILE_NAME), flags)?;
            db.execute_batch(
                "PRAGMA query_only = ON; PRAGMA trusted_schema = OFF; PRAGMA cache_size = -4096",
            )?;
            Ok(db)
        };
        let connections: Vec<_> = (0..4).map(open).collect::<rusqlite::Result<_>>()?;
        let pool = |all: Vec<_>| Pool(Arc::new(all.into_iter().map(Mutex::new).collect()));
        Ok(match name {
            "in place" => Self::InPlace(pool(connections)),
            "block_in_place" => Self::BlockInPlace(pool(connections)),
            "spawn_blocking" => Self::SpawnBlocking(pool(connections)),
            "reader threads" => Self::Threads(threads(connections)),
            _ => Self::Store(Box::new(Sqlite::open(dir)?)),
        })
    }

    async fn list(&self, skip: u64) -> Outcome<usize> {
        match self {
            Self::InPlace(pool) => {
                tokio::task::consume_budget().await;
                pool.list(skip)
            }
            Self::BlockInPlace(pool) => {
                tokio::task::consume_budget().await;
                tokio::task::block_in_place(|| pool.list(skip))
            }
            Self::SpawnBlocking(pool) => {
                let pool = pool.clone();
                tokio::task::spawn_blocking(move || pool.list(skip)).await?
            }
            Self::Threads(queue) => {
                let (reply, answer) = oneshot::channel();
                queue.send(Box::new(move |db| drop(reply.send(list(db, skip))))).map_err(|_| "no threads")?;
                Ok(answer.await??.len())
            }
            Self::Store(store) => {
                let slice = Slice { from: Position::Skip(skip), size: 10 };
                let query = ListQuery { filter: QuestionFilter::default(), order: Order::Newest, slice };
                Ok(store.questions(query).await?.len())
            }
        }
    }
}

fn threads(connections: Vec<Connection>) -> SyncSender<Job> {
    let (queue, jobs) = sync_channel::<Job>(1024);
    let jobs: Arc<Mutex<Receiver<Job>>> = Arc::new(Mutex::new(jobs));
    for db in connections {
        let jobs = Arc::clone(&jobs);
        std::thread::spawn(move || {
            loop {
                let next = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
                let Ok(job) = next else { return };
                job(&db);
            }
        });
    }
    queue
}

/// How long each call took.
struct Measured {
    lists: Vec<Duration>,
    slow: Vec<Duration>,
    task: Vec<Duration>,
}

async fn measure(way: Arc<Way>, slow_callers: usize) -> Outcome<Measured> {
    let stop = Arc::new(AtomicBool::new(false));
    let callers = |count, skip| {
        let (way, stop) = (Arc::clone(&way), Arc::clone(&stop));
        (0..count)
            .map(move |_| tokio::spawn(ask(Arc::clone(&way), skip, Arc::clone(&stop))))
            .collect::<Vec<_>>()
    };
    let (lists, slow) = (callers(CALLERS, 0), callers(slow_callers, QUESTIONS - 10));
    let (runtime, stopped) = (Handle::current(), Arc::clone(&stop));
    let task = std::thread::spawn(move || lateness(&runtime, &stopped));
    // Not a timer of the runtime: where its workers are held, it would be late as well.
    std::thread::spawn(move || {
        std::thread::sleep(TIME);
        stop.store(true, Ordering::Relaxed);
    });
    let (lists, slow) = (gather(lists).await?, gather(slow).await?);
    Ok(Measured { lists, slow, task: task.join().map_err(|_| "a panic")? })
}

async fn ask(way: Arc<Way>, skip: u64, stop: Arc<AtomicBool>) -> Outcome<Vec<Duration>> {
    let mut took = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let start = Instant::now();
        if way.list(skip).await? != 10 {
            return Err("not ten".into());
        }
        took.push(start.elapsed());
        // As a connection waits for the next request.
        tokio::task::yield_now().await;
    }
    Ok(took)
}

/// How long an empty task takes that comes from outside, as a new connection does.
fn lateness(runtime: &Handle, stop: &AtomicBool) -> Vec<Duration> {
    let mut late = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        std::thread::sleep(Duration::from_millis(1));
        let (done, wait) = sync_channel(1);
        let start = Instant::now();
        runtime.spawn(async move { done.send(Instant::now()) });
        late.extend(wait.recv().map(|ran| ran - start));
    }
    late
}

async fn gather(callers: Vec<tokio::task::JoinHandle<Outcome<Vec<Duration>>>>) -> Outcome<Vec<Duration>> {
    let mut all = Vec::new();
    for caller in callers {
        all.extend(caller.await??);
    }
    all.sort_unstable();
    Ok(all)
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
fn per_second(times: &[Duration]) -> f64 {
    times.len() as f64 / TIME.as_secs_f64()
}

/// The time within which this share of the calls came back, in milliseconds.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a figure for people"
)]
fn share(times: &[Duration], share: f64) -> String {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    let index = ((sorted.len().saturating_sub(1)) as f64 * share) as usize;
    sorted.get(index).map_or_else(|| "     -".to_owned(), |time| format!("{:>6.2}", time.as_secs_f64() * 1e3))
}
