//! Calls to MongoDB and how long they may take.
//!
//! The server ends a command after [`MAX_TIME`], so an answer comes before its caller has left at [`CALLER_LIMIT`]. Only a
//! node that is silent answers neither. (The driver cannot send `maxTimeMS` with inserts, updates and deletes; those wait
//! for a majority for `wtimeout` at most.)
//!
//! The driver discards the connection of a call that is dropped on the way, and opening another one takes several round
//! trips and a key derivation on the server, just when it is slow. So a call whose caller has left, by the limit or because
//! a client hung up, goes on as a task of its own.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use mongodb::{
    Collection,
    bson::Document,
    options::{ReturnDocument, UpdateModifications},
};
use serde::{Serialize, de::DeserializeOwned};
use tokio::{
    runtime::Handle,
    sync::Semaphore,
    time::{Instant, timeout, timeout_at},
};

use super::fault::Fault;
use crate::durations::Durations;

/// The `maxTimeMS` of every command that the driver can send it with.
pub(super) const MAX_TIME: Duration = Duration::from_secs(5);

/// How long a caller waits for one call, retries included: a node that is frozen answers nothing, and the driver would
/// wait as long as the connection stands. By then the driver has given that node up (`open::HEARTBEAT`), so that the next
/// call goes elsewhere; and a write has had its time to reach a majority.
pub(super) const CALLER_LIMIT: Duration = Duration::from_secs(6);

/// How long a call may go on in all. As long as a request may take, on which `deletion::GRACE` rests: nothing that was
/// begun before a mark may arrive later than that.
const CALL_LIMIT: Duration = Duration::from_secs(15);

/// A span of time as commands take it.
pub(super) fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

/// Runs calls. Clones share the number of those whose callers have left, and the durations.
#[derive(Clone)]
pub(super) struct Calls {
    abandoned: Arc<Semaphore>,
    durations: Arc<Durations>,
}

impl Calls {
    /// For a pool of so many connections. At most half of them finish calls whose callers have left; a call beyond that
    /// is dropped, with its connection.
    pub(super) fn new(pool: u32) -> Self {
        Self { abandoned: Arc::new(Semaphore::new(pool as usize / 2)), durations: Arc::default() }
    }

    /// How long callers waited for their calls.
    pub(super) fn durations(&self) -> &Durations {
        &self.durations
    }

    /// Runs a call and waits [`CALLER_LIMIT`] for it at most.
    pub(super) async fn run<T, F>(&self, call: F) -> Result<T, Fault>
    where
        T: Send + 'static,
        F: Future<Output = mongodb::error::Result<T>> + Send + 'static,
    {
        let mut call = Call {
            running: Some(Box::pin(call)),
            deadline: Instant::now() + CALL_LIMIT,
            abandoned: Arc::clone(&self.abandoned),
        };
        match self.durations.measure(timeout(CALLER_LIMIT, &mut call)).await {
            Ok(answer) => Ok(answer?),
            Err(_) => Err(Fault::Late),
        }
    }
}

/// A call under way; when it is dropped before its end, it goes on without its caller.
struct Call<T: Send + 'static> {
    running: Option<Pin<Box<dyn Future<Output = T> + Send>>>,
    deadline: Instant,
    abandoned: Arc<Semaphore>,
}

impl<T: Send + 'static> Future for Call<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let Some(running) = &mut self.running else { return Poll::Pending };
        let answer = std::task::ready!(running.as_mut().poll(cx));
        self.running = None;
        Poll::Ready(answer)
    }
}

impl<T: Send + 'static> Drop for Call<T> {
    fn drop(&mut self) {
        let Some(running) = self.running.take() else { return };
        let (Ok(permit), Ok(runtime)) =
            (Arc::clone(&self.abandoned).try_acquire_owned(), Handle::try_current())
        else {
            return;
        };
        let deadline = self.deadline;
        runtime.spawn(async move {
            // Nobody is left to be told.
            let _ = timeout_at(deadline, running).await;
            drop(permit);
        });
    }
}

/// A collection, with the limits of the calls on it.
pub(super) struct Rows<T: Send + Sync> {
    collection: Collection<T>,
    calls: Calls,
}

impl<T: Send + Sync> Clone for Rows<T> {
    fn clone(&self) -> Self {
        Self { collection: self.collection.clone(), calls: self.calls.clone() }
    }
}

impl<T: Send + Sync> Rows<T> {
    pub(super) fn new(collection: Collection<T>, calls: &Calls) -> Self {
        Self { collection, calls: calls.clone() }
    }

    /// The collection's name.
    pub(super) fn name(&self) -> &str {
        self.collection.name()
    }

    /// The same collection, read as documents of another type.
    pub(super) fn of<D: Send + Sync>(&self) -> Rows<D> {
        Rows { collection: self.collection.clone_with_type(), calls: self.calls.clone() }
    }

    /// Runs one call on the collection.
    pub(super) fn call<R, F, C>(
        &self,
        call: C,
    ) -> impl Future<Output = Result<R, Fault>> + Send + use<R, F, C, T>
    where
        C: FnOnce(Collection<T>) -> F,
        R: Send + 'static,
        F: Future<Output = mongodb::error::Result<R>> + Send + 'static,
    {
        let (calls, call) = (self.calls.clone(), call(self.collection.clone()));
        async move { calls.run(call).await }
    }
}

impl<T: Send + Sync + 'static> Rows<T> {
    /// Updates the one document that the filter meets; whether there was one.
    pub(super) async fn update_one(
        &self,
        filter: Document,
        update: impl Into<UpdateModifications>,
    ) -> Result<bool, Fault> {
        let update = update.into();
        let done = self.call(|rows| async move { rows.update_one(filter, update).await }).await?;
        Ok(done.matched_count == 1)
    }

    /// Deletes the one document that the filter meets.
    pub(super) async fn delete_one(&self, filter: Document) -> Result<(), Fault> {
        self.call(|rows| async move { rows.delete_one(filter).await }).await.map(drop)
    }
}

impl<T: Serialize + Send + Sync + 'static> Rows<T> {
    /// Inserts a document, and hands it back.
    pub(super) async fn insert(&self, document: T) -> Result<T, Fault> {
        self.call(|rows| async move { rows.insert_one(&document).await.map(|_| document) }).await
    }
}

impl<T: DeserializeOwned + Send + Sync + 'static> Rows<T> {
    /// The one document that the filter meets.
    pub(super) async fn find_one(&self, filter: Document) -> Result<Option<T>, Fault> {
        self.call(|rows| async move { rows.find_one(filter).max_time(MAX_TIME).await }).await
    }

    /// Updates the one document that the filter meets; the document as it is afterwards.
    pub(super) async fn change(
        &self,
        filter: Document,
        update: impl Into<UpdateModifications>,
    ) -> Result<Option<T>, Fault> {
        let update = update.into();
        self.call(|rows| async move {
            let change = rows.find_one_and_update(filter, update).max_time(MAX_TIME);
            change.return_document(ReturnDocument::After).await
        })
        .await
    }
}

/// Runs an act of several writes to its end, also when its caller leaves after the first of them.
pub(super) async fn uncancelled<T, F>(act: F) -> crate::store::Result<T>
where
    T: Send + 'static,
    F: Future<Output = crate::store::Result<T>> + Send + 'static,
{
    let done = tokio::spawn(act).await;
    done.unwrap_or_else(|error| Err(crate::store::Error::Broken(error.into())))
}
