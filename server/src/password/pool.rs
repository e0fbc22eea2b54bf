//! The threads that hash, and the places in their queue.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use argon2::Block;
use tokio::sync::oneshot;

use super::{
    HashError, HashQueueStats,
    queue::{Queue, Requester},
};

/// A thread's own memory for Argon2, taken at its first hash.
pub(super) type Memory = Vec<Block>;

type Job = Box<dyn FnOnce(&mut Memory) + Send>;

/// Threads with one queue. They end when this is dropped.
pub(super) struct Pool(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    /// Requests answered with [`HashError::Busy`].
    rejected: AtomicU64,
}

#[derive(Default)]
struct State {
    queue: Queue<Job>,
    closed: bool,
}

impl Shared {
    fn busy(&self) -> HashError {
        self.rejected.fetch_add(1, Ordering::Relaxed);
        HashError::Busy
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pool {
    /// Starts threads of this name; fewer where the system gives no more.
    pub(super) fn start(name: &str, threads: usize) -> Self {
        let shared = Arc::<Shared>::default();
        for _ in 0..threads {
            let jobs = Arc::clone(&shared);
            if let Err(error) = thread::Builder::new().name(name.to_owned()).spawn(move || work(&jobs)) {
                tracing::error!(%error, name, "Hash thread not started");
            }
        }
        Self(shared)
    }

    /// Reserves a place in the queue, or says that it is full.
    pub(super) fn reserve(&self, requester: Requester) -> Result<Slot, HashError> {
        let id = self.0.lock().queue.reserve(requester).ok_or_else(|| self.0.busy())?;
        Ok(Slot { id, shared: Arc::clone(&self.0) })
    }
}

impl Pool {
    /// Places taken in the queue, and requests rejected so far.
    pub(super) fn stats(&self) -> HashQueueStats {
        let waiting = self.0.lock().queue.len() as u64;
        HashQueueStats { waiting, rejected: self.0.rejected.load(Ordering::Relaxed) }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.0.lock().closed = true;
        self.0.changed.notify_all();
    }
}

/// A place in the queue, given up when dropped: a caller who has gone leaves no job behind.
pub(super) struct Slot {
    id: u64,
    shared: Arc<Shared>,
}

impl Slot {
    /// Runs `work` on a thread of the pool. [`HashError::Busy`] where the place was given up to another network.
    pub(super) async fn run<T, F>(self, work: F) -> Result<T, HashError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Memory) -> Result<T, HashError> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job: Job = Box::new(move |memory| {
            let _ = reply.send(guarded(work, memory));
        });
        if !self.shared.lock().queue.submit(self.id, job) {
            return Err(self.shared.busy());
        }
        self.shared.changed.notify_one();
        answer.await.unwrap_or_else(|_| Err(self.shared.busy()))
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.shared.lock().queue.release(self.id);
    }
}

/// Runs a job; one that panics costs its own result and the thread's memory, not the thread.
fn guarded<T>(
    work: impl FnOnce(&mut Memory) -> Result<T, HashError>,
    memory: &mut Memory,
) -> Result<T, HashError> {
    catch_unwind(AssertUnwindSafe(|| work(memory))).unwrap_or_else(|_| {
        *memory = Memory::new();
        tracing::error!("Hash job panicked");
        Err(HashError::Failed)
    })
}

/// One thread.
fn work(shared: &Shared) {
    let mut memory = Memory::new();
    let mut state = shared.lock();
    while !state.closed {
        let Some(job) = state.queue.next() else {
            state = shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            continue;
        };
        drop(state);
        job(&mut memory);
        state = shared.lock();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use tokio::task::JoinHandle;

    use super::*;

    fn from(address: &str) -> Requester {
        Requester { address: address.parse().unwrap(), known: false }
    }

    /// A job that tells its name when it starts, and ends when it is let go.
    struct Gate {
        started: Sender<&'static str>,
        names: Receiver<&'static str>,
    }

    impl Gate {
        fn new() -> Self {
            let (started, names) = channel();
            Self { started, names }
        }

        fn job(&self, slot: Slot, name: &'static str) -> (Sender<()>, JoinHandle<Result<(), HashError>>) {
            let (let_go, held) = channel();
            let started = self.started.clone();
            let job = slot.run(move |_| {
                started.send(name).unwrap();
                let _ = held.recv();
                Ok(())
            });
            (let_go, tokio::spawn(job))
        }
    }

    #[tokio::test]
    async fn an_address_that_fills_the_queue_delays_another_by_one_job_a_thread() {
        let pool = Pool::start("test", 2);
        let gate = Gate::new();
        let flood = || gate.job(pool.reserve(from("192.0.2.1")).unwrap(), "flood");
        let running = [flood(), flood()];
        tokio::task::yield_now().await;
        assert_eq!([gate.names.recv(), gate.names.recv()], [Ok("flood"), Ok("flood")]);
        let mut waiting: Vec<_> = (0..super::super::queue::MAX_WAITING).map(|_| flood()).collect();
        tokio::task::yield_now().await;
        assert_eq!(pool.reserve(from("192.0.2.1")).err(), Some(HashError::Busy));

        let (let_go, newcomer) = gate.job(pool.reserve(from("198.51.100.7")).unwrap(), "newcomer");
        tokio::task::yield_now().await;
        let (_, refused) = waiting.pop().unwrap();
        assert_eq!(refused.await.unwrap(), Err(HashError::Busy), "the latest gives its place up");
        let [(first, _), second] = running;
        drop(first);
        assert_eq!(gate.names.recv(), Ok("newcomer"), "at the first thread that is free");
        drop(let_go);
        assert_eq!(newcomer.await.unwrap(), Ok(()));
        drop((second, waiting));
    }

    #[tokio::test]
    async fn a_panicking_job_fails_alone() {
        let pool = Pool::start("test", 1);
        for _ in 0..3 {
            let job = pool.reserve(from("192.0.2.1")).unwrap().run(|_| -> Result<(), _> { panic!("a bug") });
            assert_eq!(job.await, Err(HashError::Failed));
        }
        assert_eq!(pool.reserve(from("192.0.2.1")).unwrap().run(|_| Ok(7)).await, Ok(7));
    }

    #[tokio::test]
    async fn a_caller_who_goes_leaves_no_job() {
        let pool = Pool::start("test", 1);
        let gate = Gate::new();
        let (let_go, first) = gate.job(pool.reserve(from("192.0.2.1")).unwrap(), "first");
        tokio::task::yield_now().await;
        gate.names.recv().unwrap();
        let (_held, gone) = gate.job(pool.reserve(from("192.0.2.1")).unwrap(), "gone");
        tokio::task::yield_now().await;
        gone.abort();
        assert!(gone.await.unwrap_err().is_cancelled());
        let (_, last) = gate.job(pool.reserve(from("192.0.2.1")).unwrap(), "last");
        drop(let_go);
        first.await.unwrap().unwrap();
        last.await.unwrap().unwrap();
        assert_eq!(gate.names.recv(), Ok("last"));
    }
}
