//! Makes sure that a server is running.

use futures_util::future::BoxFuture;

use crate::clean::Clean;

/// Makes sure that the right server answers at the [`Origin`](super::Origin). A server
/// somewhere else has none.
pub(crate) trait Host: Send + Sync {
    /// To be waited for before anything is sent, a token above all. The error is a clause for the user.
    fn ensure_running(&self) -> BoxFuture<'_, Result<(), Clean>>;
}
