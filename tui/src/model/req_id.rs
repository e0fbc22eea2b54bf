//! Request ids.

/// Names one request, so that an answer nobody waits for any more is known as such.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub(crate) struct ReqId(pub(crate) u64);
