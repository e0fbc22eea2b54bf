//! Request ids.

/// Identifies a request, so that outdated answers are recognised.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub(crate) struct ReqId(pub(crate) u64);
