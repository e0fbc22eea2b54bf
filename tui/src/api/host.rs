//! Who sees to it that there is a server at all.

use futures_util::future::BoxFuture;

use crate::clean::Clean;

/// Whoever sees to it that a server answers at the [`Origin`](super::Origin), and that it is the right one. A server
/// somewhere else has none.
pub(crate) trait Host: Send + Sync {
    /// To be waited for before anything is sent, a token above all. The error is a clause for the user.
    fn attend(&self) -> BoxFuture<'_, Result<(), Clean>>;
}
