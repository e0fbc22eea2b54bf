//! The one thread that writes. It commits what has queued up as one group, so that 32 writers share an `fsync`,
//! and answers nobody before their group is on the disk.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread::JoinHandle,
};

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::fault::Refused;
use crate::store::Result;

/// How many writes may wait; those beyond are refused at once.
const QUEUE: usize = 1024;

/// How many writes share a commit at most, so that the first of them does not wait for a long row of others.
const GROUP: usize = 256;

/// Something to do inside the group's transaction.
trait Job: Send {
    /// Whether the caller waits for it.
    fn is_wanted(&self) -> bool;

    /// Does it and remembers what came of it; whether its changes are to stay.
    fn run(&mut self, db: &Connection) -> bool;

    /// Tells the caller: what came of it, or why the group was lost.
    fn answer(self: Box<Self>, lost: Option<Refused>);
}

struct Task<T, F> {
    work: Option<F>,
    outcome: Option<Result<T>>,
    reply: oneshot::Sender<Result<T>>,
}

impl<T: Send, F: FnOnce(&Connection) -> Result<T> + Send> Job for Task<T, F> {
    fn is_wanted(&self) -> bool {
        !self.reply.is_closed()
    }

    fn run(&mut self, db: &Connection) -> bool {
        let Some(work) = self.work.take() else { return false };
        let outcome = catch_unwind(AssertUnwindSafe(|| work(db)));
        let outcome = outcome.unwrap_or_else(|_| Err(Refused::Panicked.into()));
        let keep = outcome.is_ok();
        self.outcome = Some(outcome);
        keep
    }

    fn answer(self: Box<Self>, lost: Option<Refused>) {
        let answer = match lost {
            // Also where the job itself said no: what it saw of its group is not so.
            Some(lost) => Err(lost.into()),
            None => self.outcome.unwrap_or_else(|| Err(Refused::Panicked.into())),
        };
        // A caller who went away does not want to know.
        drop(self.reply.send(answer));
    }
}

/// The way to the writing thread.
pub(super) struct Writer {
    queue: Mutex<Option<SyncSender<Box<dyn Job>>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    commits: Arc<AtomicU64>,
}

impl Writer {
    /// Starts the thread on a connection of its own; it calls `after_commit` between two transactions.
    pub(super) fn start(
        db: Connection,
        after_commit: impl FnMut(&Connection) + Send + 'static,
    ) -> std::io::Result<Self> {
        let (queue, jobs) = sync_channel(QUEUE);
        let commits = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&commits);
        let thread = std::thread::Builder::new()
            .name("sqlite-writer".to_owned())
            .spawn(move || serve(&db, &jobs, &counter, after_commit))?;
        Ok(Self { queue: Mutex::new(Some(queue)), thread: Mutex::new(Some(thread)), commits })
    }

    /// Does `work` in a transaction; comes back when it is on the disk. When the caller drops the future before it is its
    /// turn, nothing is done: an act of several writes needs a task of its own.
    pub(super) async fn write<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        self.enqueue(Box::new(Task { work: Some(work), outcome: None, reply }))?;
        answer.await.unwrap_or_else(|_| Err(Refused::Closed.into()))
    }

    fn enqueue(&self, job: Box<dyn Job>) -> std::result::Result<(), Refused> {
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        match queue.as_ref().ok_or(Refused::Closed)?.try_send(job) {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(_)) => Err(Refused::Full),
            Err(TrySendError::Disconnected(_)) => Err(Refused::Closed),
        }
    }

    /// How many groups were committed.
    pub(super) fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    /// Refuses new work and hands out the thread, which ends when the queue is empty.
    pub(super) fn stop(&self) -> Option<JoinHandle<()>> {
        drop(self.queue.lock().unwrap_or_else(PoisonError::into_inner).take());
        self.thread.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

fn serve(
    db: &Connection,
    jobs: &Receiver<Box<dyn Job>>,
    commits: &AtomicU64,
    mut after_commit: impl FnMut(&Connection),
) {
    while let Ok(first) = jobs.recv() {
        let waiting = std::iter::once(first).chain(jobs.try_iter().take(GROUP - 1));
        commit_group(db, waiting, commits);
        after_commit(db);
    }
    // Nobody is left who could ask: leave one file behind instead of three.
    if let Err(error) = db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())) {
        tracing::warn!(%error, "Checkpoint failed; the next start repeats it");
    }
}

/// Runs the jobs in one transaction and answers them after its commit. When the transaction is lost (on a full
/// disk SQLite may roll all of it back), all of them are told so; the next group begins anew.
fn commit_group(db: &Connection, jobs: impl Iterator<Item = Box<dyn Job>>, commits: &AtomicU64) {
    let mut group = Vec::new();
    let mut lost = db.execute_batch("BEGIN IMMEDIATE").err();
    for mut job in jobs.filter(|job| job.is_wanted()) {
        if lost.is_none() {
            lost = run_alone(db, job.as_mut()).err();
        }
        group.push(job);
    }
    if lost.is_none() {
        lost = db.execute_batch("COMMIT").err();
    }
    match &lost {
        None => {
            commits.fetch_add(1, Ordering::Relaxed);
        }
        Some(error) => {
            tracing::error!(%error, jobs = group.len(), "A group of writes was not committed.");
            roll_back(db);
        }
    }
    let lost = lost.map(|error| error.to_string());
    for job in group {
        job.answer(lost.clone().map(Refused::NotCommitted));
    }
}

/// Runs a job so that its failure takes back what it did, and nothing else.
fn run_alone(db: &Connection, job: &mut dyn Job) -> rusqlite::Result<()> {
    execute(db, "SAVEPOINT job")?;
    if !job.run(db) {
        execute(db, "ROLLBACK TO job")?;
    }
    execute(db, "RELEASE job")
}

fn execute(db: &Connection, sql: &str) -> rusqlite::Result<()> {
    db.prepare_cached(sql)?.execute([]).map(drop)
}

fn roll_back(db: &Connection) {
    if db.is_autocommit() {
        return;
    }
    if let Err(error) = db.execute_batch("ROLLBACK") {
        tracing::error!(%error, "The transaction of a lost group of writes could not be rolled back.");
    }
}

#[cfg(test)]
mod tests {
    use std::{future::Future, pin::Pin, sync::mpsc::channel};

    use futures_util::{FutureExt, future::join_all};

    use super::*;
    use crate::store::Error;

    fn started() -> (tempfile::TempDir, Writer) {
        let dir = tempfile::tempdir().unwrap();
        let db = Connection::open(dir.path().join("test.db")).unwrap();
        db.execute_batch("PRAGMA journal_mode = WAL; PRAGMA foreign_keys = ON; CREATE TABLE parents (id INTEGER PRIMARY KEY);
            CREATE TABLE rows (id INTEGER PRIMARY KEY, parent INTEGER REFERENCES parents (id) DEFERRABLE INITIALLY DEFERRED)").unwrap();
        (dir, Writer::start(db, |_| ()).unwrap())
    }

    fn add(db: &Connection, row: i64) -> Result<()> {
        Ok(db.execute("INSERT INTO rows (id) VALUES (?1)", [row]).map(drop)?)
    }

    async fn rows(writer: &Writer) -> Vec<i64> {
        fn all(db: &Connection) -> rusqlite::Result<Vec<i64>> {
            db.prepare("SELECT id FROM rows ORDER BY id")?.query_map([], |row| row.get(0))?.collect()
        }
        writer.write(|db| Ok(all(db)?)).await.unwrap()
    }

    type Write<'a> = Pin<Box<dyn Future<Output = Result<()>> + Send + 'a>>;

    /// Puts a job in the queue; what comes back awaits its answer.
    fn queued<F>(writer: &Writer, work: F) -> Write<'_>
    where
        F: FnOnce(&Connection) -> Result<()> + Send + 'static,
    {
        let mut write: Write<'_> = Box::pin(writer.write(work));
        assert!(write.as_mut().now_or_never().is_none(), "it waits for its group");
        write
    }

    /// Holds the writing thread until the sender is dropped: what is queued meanwhile is one group with it.
    fn held(writer: &Writer) -> (std::sync::mpsc::Sender<()>, Write<'_>) {
        let ((release, held), (started, running)) = (channel::<()>(), channel());
        let first = queued(writer, move |_| {
            started.send(()).unwrap();
            let _ = held.recv();
            Ok(())
        });
        running.recv().unwrap();
        (release, first)
    }

    #[tokio::test]
    async fn what_has_queued_up_shares_a_commit() {
        let (_dir, writer) = started();
        let (release, first) = held(&writer);
        let group: Vec<_> = (0..32).map(|row| queued(&writer, move |db| add(db, row))).collect();
        drop(release);
        first.await.unwrap();
        assert!(join_all(group).await.iter().all(std::result::Result::is_ok));
        assert_eq!(writer.commits(), 1);
        assert_eq!(rows(&writer).await, (0..32).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn a_job_whose_caller_has_gone_is_dropped() {
        let (_dir, writer) = started();
        let (release, first) = held(&writer);
        let gone = queued(&writer, |db| add(db, 1));
        let stays = queued(&writer, |db| add(db, 2));
        drop(gone);
        drop(release);
        first.await.unwrap();
        stays.await.unwrap();
        assert_eq!(rows(&writer).await, [2]);
    }

    #[tokio::test]
    async fn nobody_is_answered_before_the_commit() {
        let (dir, writer) = started();
        let other = Connection::open(dir.path().join("test.db")).unwrap();
        for row in 0..20 {
            writer.write(move |db| add(db, row)).await.unwrap();
            let seen: i64 = other.query_row("SELECT max(id) FROM rows", [], |row| row.get(0)).unwrap();
            assert_eq!(seen, row);
        }
        assert_eq!(writer.commits(), 20, "one writer never waits for company");
    }

    #[tokio::test]
    async fn a_failing_job_takes_back_its_own_work_only() {
        let (_dir, writer) = started();
        let (release, first) = held(&writer);
        let group = vec![
            queued(&writer, |db| add(db, 1)),
            queued(&writer, |db| add(db, 2).and(Err(Error::Denied))),
            queued(&writer, |db| add(db, 3).map(|()| panic!("a bug"))),
            queued(&writer, |db| add(db, 1)),
            queued(&writer, |db| add(db, 5)),
        ];
        drop(release);
        first.await.unwrap();
        let results = join_all(group).await;
        assert!(
            matches!(
                results[..],
                [Ok(()), Err(Error::Denied), Err(Error::Broken(_)), Err(Error::Broken(_)), Ok(())]
            ),
            "{results:?}"
        );
        assert_eq!((writer.commits(), rows(&writer).await), (1, vec![1, 5]));
    }

    #[tokio::test]
    async fn a_failing_commit_is_told_to_the_whole_group() {
        let (_dir, writer) = started();
        let (release, first) = held(&writer);
        let orphan = |db: &Connection| Ok(db.execute("INSERT INTO rows VALUES (7, 99)", []).map(drop)?);
        let group = vec![
            queued(&writer, |db| add(db, 1)),
            queued(&writer, orphan),
            queued(&writer, |_| Err(Error::Denied)),
        ];
        drop(release);
        assert!(matches!(first.await, Err(Error::Unavailable(_))));
        let results = join_all(group).await;
        assert!(results.iter().all(|result| matches!(result, Err(Error::Unavailable(_)))), "{results:?}");
        assert_eq!((writer.commits(), rows(&writer).await), (0, vec![]));
        writer.write(|db| add(db, 8)).await.unwrap();
        assert_eq!(rows(&writer).await, [8]);
    }

    #[tokio::test]
    async fn a_transaction_that_sqlite_gave_up_is_told_to_the_whole_group() {
        let (_dir, writer) = started();
        let (release, first) = held(&writer);
        let group = vec![
            queued(&writer, |db| add(db, 1)),
            // As a full disk may do it, behind the back of a job.
            queued(&writer, |db| Ok(db.execute_batch("ROLLBACK")?)),
            queued(&writer, |db| add(db, 3)),
        ];
        drop(release);
        assert!(first.await.is_err());
        assert!(join_all(group).await.iter().all(|result| matches!(result, Err(Error::Unavailable(_)))));
        writer.write(|db| add(db, 4)).await.unwrap();
        assert_eq!(rows(&writer).await, [4]);
    }

    #[tokio::test]
    async fn a_full_queue_refuses_at_once_and_a_stopped_one_finishes() {
        let (dir, writer) = started();
        let (release, first) = held(&writer);
        // The thread holds the first; the queue has room for so many more.
        let mut group = Vec::new();
        for row in 0..i64::try_from(QUEUE).unwrap() {
            group.push(queued(&writer, move |db| add(db, row)));
        }
        assert!(matches!(writer.write(|db| add(db, -1)).await, Err(Error::Unavailable(_))));

        let thread = writer.stop().unwrap();
        assert!(matches!(writer.write(|db| add(db, -1)).await, Err(Error::Unavailable(_))));
        drop(release);
        first.await.unwrap();
        assert!(join_all(group).await.iter().all(std::result::Result::is_ok));
        thread.join().unwrap();
        let db = Connection::open(dir.path().join("test.db")).unwrap();
        let kept: i64 = db.query_row("SELECT count(*) FROM rows", [], |row| row.get(0)).unwrap();
        assert_eq!(usize::try_from(kept).unwrap(), QUEUE);
    }
}
