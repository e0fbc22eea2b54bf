//! Rendering on the blocking threads, a few pictures at a time: it takes a whole core.

use std::sync::Arc;

use tokio::{
    sync::Semaphore,
    task::{JoinError, spawn_blocking},
};

/// How much is rendered, drawn and parsed at a time. Clones share the permits.
#[derive(Clone, Debug)]
pub(super) struct RenderPool(Arc<Semaphore>);

impl RenderPool {
    /// A pool that runs so many at a time.
    pub(super) fn new(permits: usize) -> Self {
        Self(Arc::new(Semaphore::new(permits)))
    }

    /// Runs `work` on a blocking thread when it is its turn. The permit goes with the work and not with the caller: one who
    /// leaves does not let another one begin before the work is done.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, JoinError> {
        let permit = Arc::clone(&self.0).acquire_owned().await;
        spawn_blocking(move || {
            let _permit = permit;
            work()
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
        mpsc::channel,
    };

    use super::*;

    const PERMITS: usize = 2;

    #[tokio::test(flavor = "multi_thread")]
    async fn callers_who_leave_do_not_make_room_for_more_at_a_time() {
        let pool = RenderPool::new(PERMITS);
        let running = Arc::new(AtomicUsize::new(0));
        let (started, starts) = channel();
        let (release, gate) = channel::<()>();
        let gate = Arc::new(Mutex::new(gate));
        let call = || {
            let (pool, running, started, gate) =
                (pool.clone(), Arc::clone(&running), started.clone(), Arc::clone(&gate));
            tokio::spawn(async move {
                let work = move || {
                    started.send(running.fetch_add(1, Ordering::SeqCst) + 1).unwrap();
                    let _ = gate.lock().unwrap().recv();
                    running.fetch_sub(1, Ordering::SeqCst);
                };
                pool.run(work).await.unwrap();
            })
        };
        let leaving: Vec<_> = (0..PERMITS).map(|_| call()).collect();
        let starts = Mutex::new(starts);
        let next = || starts.lock().unwrap().recv().unwrap();
        assert!((0..PERMITS).map(|_| next()).max() == Some(PERMITS), "both have begun");
        for caller in leaving {
            caller.abort();
            assert!(caller.await.unwrap_err().is_cancelled());
        }
        let waiting = call();
        tokio::task::yield_now().await;
        assert_eq!(pool.0.available_permits(), 0, "the work goes on without its callers");
        release.send(()).unwrap();
        assert!(next() <= PERMITS);
        drop(release);
        waiting.await.unwrap();
    }
}
