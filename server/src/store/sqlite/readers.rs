//! Reading, apart from the writer. A query is tried where it is asked, which is by far the fastest way, for as many steps
//! as a worker of the runtime may be kept; one that needs more is broken off and asked again on a thread, where it holds
//! nobody up. `docs/adr/0004-how-sqlite-is-read.md` has the figures.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread::JoinHandle,
};

use rusqlite::Connection;
use tokio::sync::{Semaphore, oneshot};

use super::{fault::Refused, running::Running};
use crate::store::Result;

/// After how many steps of its machine SQLite asks whether to go on.
const STEPS: std::ffi::c_int = 1000;

/// How often it may: 8,000 steps are less than a millisecond. A page of 10 takes 240 of them, one of 100 takes 2,220.
/// (Steps and not time: a thread that had to wait for a processor has not kept anybody from it.)
const LOOKS: u32 = 8;

/// How many slow queries may wait; those beyond are refused at once.
const QUEUE: usize = 1024;

type Job = Box<dyn FnOnce(&Connection) + Send>;

/// The connections that read.
pub(super) struct Readers {
    quick: Vec<Mutex<Option<Quick>>>,
    slow: Mutex<Option<SyncSender<Job>>>,
    /// Whose turn it is to count.
    counting: Arc<Semaphore>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    running: Running,
}

impl Readers {
    /// Uses the `quick` connections where it is asked, and starts a thread for each of the `slow` ones.
    pub(super) fn start(quick: Vec<Connection>, slow: Vec<Connection>, running: Running) -> Result<Self> {
        let (queue, jobs) = sync_channel::<Job>(QUEUE);
        let jobs = Arc::new(Mutex::new(jobs));
        let threads = slow.into_iter().map(|db| {
            let jobs = Arc::clone(&jobs);
            std::thread::Builder::new().name("sqlite-reader".to_owned()).spawn(move || serve(&db, &jobs))
        });
        Ok(Self {
            threads: Mutex::new(threads.collect::<std::io::Result<_>>().map_err(Refused::NoThread)?),
            quick: quick
                .into_iter()
                .map(|db| Quick::new(db).map(|quick| Mutex::new(Some(quick))))
                .collect::<rusqlite::Result<_>>()?,
            slow: Mutex::new(Some(queue)),
            counting: Arc::new(Semaphore::new(1)),
            running,
        })
    }

    /// Asks `work` of the first connection that is free; it is called again, from the start, when it took too long.
    pub(super) async fn read<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&Connection) -> Result<T> + Send + 'static,
    {
        // A task that reads and reads would otherwise never wait, and never let another one run.
        tokio::task::consume_budget().await;
        match self.read_here(&work) {
            Some(answer) => answer,
            None => self.read_aside(work).await,
        }
    }

    /// `None` when no connection was free, or the query took too long.
    fn read_here<T>(&self, work: impl Fn(&Connection) -> Result<T>) -> Option<Result<T>> {
        let mut free = self.quick.iter().filter_map(|slot| slot.try_lock().ok());
        free.find(|slot| slot.is_some())?.as_ref()?.ask(work)
    }

    /// As [`Self::read`], for what is known to take long, or to be a single long step.
    pub(super) async fn read_aside<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&Connection) -> Result<T> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let running = self.running.clone();
        self.enqueue(Box::new(move |db| {
            if reply.is_closed() {
                // Its caller has gone.
                return;
            }
            let _entry = running.enter::<F>();
            drop(reply.send(guarded(work, db)));
        }))?;
        answer.await.unwrap_or_else(|_| Err(Refused::Closed.into()))
    }

    /// As [`Self::read_aside`], for what reads a whole index. One at a time, so that a thread is left for the pages that
    /// took too long where they were asked.
    pub(super) async fn count<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&Connection) -> Result<T> + Send + 'static,
    {
        let turn = Arc::clone(&self.counting).acquire_owned().await;
        let (reply, answer) = oneshot::channel();
        self.enqueue(Box::new(move |db| {
            drop(reply.send(guarded(work, db)));
            // It goes with the job: who asked may leave while it runs.
            drop(turn);
        }))?;
        answer.await.unwrap_or_else(|_| Err(Refused::Closed.into()))
    }

    fn enqueue(&self, job: Job) -> std::result::Result<(), Refused> {
        let queue = self.slow.lock().unwrap_or_else(PoisonError::into_inner);
        match queue.as_ref().ok_or(Refused::Closed)?.try_send(job) {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(_)) => Err(Refused::Full),
            Err(TrySendError::Disconnected(_)) => Err(Refused::Closed),
        }
    }

    /// Refuses new work and hands out the threads, which end when the queue is empty.
    pub(super) fn stop(&self) -> Vec<JoinHandle<()>> {
        drop(self.slow.lock().unwrap_or_else(PoisonError::into_inner).take());
        for slot in &self.quick {
            // Waits for a query at work, which is never long.
            drop(slot.lock().unwrap_or_else(PoisonError::into_inner).take());
        }
        std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A connection on which no query takes long.
struct Quick {
    db: Connection,
    /// How often SQLite asked during the present query. Only the thread that runs it looks.
    looks: Arc<AtomicU32>,
}

impl Quick {
    fn new(mut db: Connection) -> rusqlite::Result<Self> {
        let looks = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&looks);
        db.progress_handler(STEPS, Some(move || counted.fetch_add(1, Ordering::Relaxed) >= LOOKS))?;
        Ok(Self { db, looks })
    }

    fn ask<T>(&self, work: impl Fn(&Connection) -> Result<T>) -> Option<Result<T>> {
        self.looks.store(0, Ordering::Relaxed);
        match guarded(work, &self.db) {
            Err(_) if self.looks.load(Ordering::Relaxed) > LOOKS => None,
            answer => Some(answer),
        }
    }
}

fn guarded<T>(work: impl Fn(&Connection) -> Result<T>, db: &Connection) -> Result<T> {
    catch_unwind(AssertUnwindSafe(|| work(db))).unwrap_or_else(|_| Err(Refused::Panicked.into()))
}

fn serve(db: &Connection, jobs: &Mutex<Receiver<Job>>) {
    loop {
        let next = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = next else { return };
        job(db);
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::mpsc::channel, thread};

    use futures_util::{FutureExt, future::join_all};

    use super::*;
    use crate::store::Error;

    fn readers() -> Readers {
        let memory = |n| (0..n).map(|_| Connection::open_in_memory().unwrap()).collect();
        Readers::start(memory(2), memory(2), Running::default()).unwrap()
    }

    /// Takes SQLite some tens of milliseconds at least.
    fn slow(db: &Connection) -> Result<i64> {
        let sql = "WITH RECURSIVE n (i) AS (VALUES (0) UNION ALL SELECT i + 1 FROM n WHERE i < 1000000) SELECT max(i) FROM n";
        Ok(db.query_row(sql, [], |row| row.get(0))?)
    }

    fn quick(db: &Connection) -> Result<i64> {
        Ok(db.query_row("SELECT 7", [], |row| row.get(0))?)
    }

    fn thread_name() -> Option<String> {
        thread::current().name().map(ToOwned::to_owned)
    }

    #[tokio::test]
    async fn a_quick_query_is_answered_where_it_is_asked() {
        let readers = readers();
        let here = thread_name();
        assert_eq!(readers.read(|db| quick(db).map(|_| thread_name())).await.unwrap(), here);
    }

    #[tokio::test]
    async fn a_slow_query_is_answered_aside() {
        let readers = readers();
        for _ in 0..3 {
            let (max, name) = readers.read(|db| slow(db).map(|max| (max, thread_name()))).await.unwrap();
            assert_eq!((max, name.as_deref()), (1_000_000, Some("sqlite-reader")));
            assert_eq!(readers.read(quick).await.unwrap(), 7, "the connection is as good as new");
        }
    }

    #[tokio::test]
    async fn slow_queries_hold_nobody_up() {
        let readers = readers();
        let (release, held) = channel::<()>();
        let held = Arc::new(Mutex::new(held));
        let stuck = (0..8).map(|_| {
            let held = Arc::clone(&held);
            readers.read(move |db| {
                let max = slow(db)?;
                let _ = held.lock().unwrap().recv();
                Ok(max)
            })
        });
        let quick_ones = async {
            for _ in 0..1000 {
                assert_eq!(readers.read(quick).await.unwrap(), 7);
            }
            drop(release);
        };
        let (slow_ones, ()) = tokio::join!(join_all(stuck), quick_ones);
        assert!(slow_ones.into_iter().all(|max| matches!(max, Ok(1_000_000))));
    }

    #[tokio::test]
    async fn counting_leaves_a_thread_to_slow_pages() {
        let readers = readers();
        let (release, held) = channel::<()>();
        let held = Arc::new(Mutex::new(held));
        let counts = (0..8).map(|_| {
            let held = Arc::clone(&held);
            readers.count(move |_| {
                let _ = held.lock().unwrap().recv();
                Ok(())
            })
        });
        let pages = async {
            for _ in 0..20 {
                assert_eq!(readers.read_aside(quick).await.unwrap(), 7);
            }
            drop(release);
        };
        let (counts, ()) = tokio::join!(join_all(counts), pages);
        assert!(counts.into_iter().all(|counted| counted.is_ok()));
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_task_that_only_reads_lets_others_run() {
        let readers = Arc::new(readers());
        let reading = tokio::spawn({
            let readers = Arc::clone(&readers);
            async move {
                loop {
                    readers.read(quick).await.unwrap();
                }
            }
        });
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        reading.abort();
        assert!(reading.await.unwrap_err().is_cancelled());
    }

    #[tokio::test]
    async fn a_failure_is_the_querys_own() {
        let readers = readers();
        let missing = |db: &Connection| Ok(db.execute_batch("SELECT * FROM missing")?);
        assert!(matches!(readers.read(missing).await, Err(Error::Broken(_))));
        assert!(matches!(readers.read(|_| Err::<(), _>(Error::NotFound)).await, Err(Error::NotFound)));
        let late = |db: &Connection| slow(db).and(Err::<(), _>(Error::NotFound));
        assert!(matches!(readers.read(late).await, Err(Error::NotFound)));
    }

    #[tokio::test]
    async fn a_read_whose_caller_has_gone_is_dropped() {
        let readers = readers();
        let (release, held) = channel::<()>();
        let held = Arc::new(Mutex::new(held));
        let blocked = |_: usize| {
            let held = Arc::clone(&held);
            readers.read_aside(move |_| {
                let _ = held.lock().unwrap().recv();
                Ok(())
            })
        };
        let mut holding: Vec<_> = (0..2).map(blocked).map(Box::pin).collect();
        for one in &mut holding {
            assert!(one.as_mut().now_or_never().is_none());
        }
        let ran = Arc::new(AtomicU32::new(0));
        let count = || {
            let ran = Arc::clone(&ran);
            readers.read_aside(move |_| Ok(ran.fetch_add(1, Ordering::Relaxed)))
        };
        let mut gone = Box::pin(count());
        assert!(gone.as_mut().now_or_never().is_none(), "both threads are held");
        drop(gone);
        let mut stays = Box::pin(count());
        assert!(stays.as_mut().now_or_never().is_none());
        drop(release);
        assert_eq!(stays.await.unwrap(), 0, "the first one did not run");
        join_all(holding).await;
    }

    #[tokio::test]
    async fn a_stopped_one_refuses() {
        let readers = readers();
        for thread in readers.stop() {
            thread.join().unwrap();
        }
        assert!(matches!(readers.read(quick).await, Err(Error::Unavailable(_))));
    }
}
