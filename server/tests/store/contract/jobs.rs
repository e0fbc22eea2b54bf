//! Leases of background jobs.

use std::{sync::Arc, time::Duration};

use super::make::at_once;
use crate::store::{MAX_LEASE, Store};

const MINUTE: Duration = Duration::from_mins(1);

pub(super) async fn one_holder_has_a_lease(store: Arc<dyn Store>) {
    assert!(store.lease("sweep", "a", MINUTE).await.unwrap());
    assert!(!store.lease("sweep", "b", MINUTE).await.unwrap());
    assert!(store.lease("sweep", "a", MINUTE).await.unwrap(), "a holder renews its lease");
    assert!(store.lease("other", "b", MINUTE).await.unwrap(), "another job has a lease of its own");

    store.release("sweep", "b").await.unwrap();
    assert!(!store.lease("sweep", "b", MINUTE).await.unwrap(), "only its holder gives a lease up");
    store.release("sweep", "a").await.unwrap();
    assert!(store.lease("sweep", "b", MINUTE).await.unwrap());
    assert!(!store.lease("sweep", "a", MINUTE).await.unwrap());
    store.release("unknown", "a").await.unwrap();
}

pub(super) async fn one_of_many_gets_it(store: Arc<dyn Store>) {
    for job in ["new", "new", "released"] {
        let taken = at_once(8, |i| {
            let (store, job) = (Arc::clone(&store), job.to_owned());
            async move {
                let taken = store.lease(&job, &format!("holder {i}"), MINUTE).await?;
                Ok(taken.then_some(format!("holder {i}")))
            }
        })
        .await;
        let holders: Vec<_> = taken.into_iter().filter_map(|taken| taken.unwrap()).collect();
        assert_eq!(holders.len(), 1, "{holders:?}");
        store.release(job, &holders[0]).await.unwrap();
    }
}

pub(super) async fn a_lease_that_is_over_is_anybodys(store: Arc<dyn Store>) {
    assert!(store.lease("sweep", "a", Duration::ZERO).await.unwrap());
    assert!(store.lease("sweep", "b", MINUTE).await.unwrap());
    assert!(!store.lease("sweep", "a", MINUTE).await.unwrap(), "the old holder has lost it");

    assert!(store.lease("short", "a", Duration::from_millis(20)).await.unwrap());
    let expired = async {
        while !store.lease("short", "b", MINUTE).await.unwrap() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(MINUTE, expired).await.unwrap();
}

/// After the clock was set back by hours, a lease must not hold for these hours.
pub(super) async fn a_lease_from_a_clock_that_was_ahead_is_anybodys(store: Arc<dyn Store>) {
    assert!(store.lease("sweep", "a", MAX_LEASE + MINUTE).await.unwrap());
    assert!(store.lease("sweep", "b", MINUTE).await.unwrap());
    assert!(!store.lease("sweep", "a", MINUTE).await.unwrap());
}
