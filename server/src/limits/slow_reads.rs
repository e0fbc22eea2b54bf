//! Slow reads, which count rows or leave many out, take turns: a few of one user at once, the others wait.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use ro_co_shared::UserId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Slow reads of one user that run at once.
const MAX_AT_ONCE: usize = 2;

/// The turns of all users who have a slow read running or waiting.
#[derive(Default)]
pub(super) struct SlowReads(Mutex<HashMap<UserId, Weak<Semaphore>>>);

impl SlowReads {
    /// Waits for a turn, which lasts until it is dropped.
    pub(super) async fn turn(&self, user: UserId) -> Option<OwnedSemaphorePermit> {
        // It is never closed.
        self.turns(user).acquire_owned().await.ok()
    }

    fn turns(&self, user: UserId) -> Arc<Semaphore> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(turns) = all.get(&user).and_then(Weak::upgrade) {
            return turns;
        }
        all.retain(|_, turns| turns.strong_count() > 0);
        let turns = Arc::new(Semaphore::new(MAX_AT_ONCE));
        all.insert(user, Arc::downgrade(&turns));
        turns
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn a_third_read_waits_for_its_turn_and_other_users_do_not() {
        let reads = SlowReads::default();
        let (ada, bob) = (UserId::new(), UserId::new());
        let (first, second) = (reads.turn(ada).await, reads.turn(ada).await);
        let mut third = Box::pin(reads.turn(ada));
        assert!(third.as_mut().now_or_never().is_none());
        assert!(reads.turn(bob).now_or_never().is_some());
        drop(first);
        assert!(third.now_or_never().is_some());
        drop(second);
    }

    #[tokio::test]
    async fn users_without_slow_reads_are_forgotten() {
        let reads = SlowReads::default();
        for _ in 0..100 {
            drop(reads.turn(UserId::new()).await);
        }
        assert_eq!(reads.0.lock().unwrap().len(), 1);
    }
}
