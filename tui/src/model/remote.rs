//! State of a value that is loaded from the server.

use std::time::Duration;

use super::{ReqId, UiError};

/// A value that comes from the server. What was shown before stays until something newer is there.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) enum Remote<T> {
    /// Never asked for.
    #[default]
    Idle,
    /// Asked for, for the first time.
    Loading {
        /// The request.
        req: ReqId,
        /// When it was sent.
        since: Duration,
    },
    /// There.
    Ready(T),
    /// There, and asked for again.
    Stale {
        /// What is shown meanwhile.
        old: T,
        /// The request.
        req: ReqId,
        /// When it was sent.
        since: Duration,
    },
    /// The last attempt failed.
    Failed {
        /// Why.
        trouble: UiError,
        /// What is shown all the same.
        old: Option<T>,
    },
}

impl<T> Remote<T> {
    /// What can be shown now.
    pub(crate) fn value(&self) -> Option<&T> {
        match self {
            Self::Ready(value) | Self::Stale { old: value, .. } => Some(value),
            Self::Failed { old, .. } => old.as_ref(),
            Self::Idle | Self::Loading { .. } => None,
        }
    }

    /// What can be shown now, to be changed in place.
    pub(crate) fn value_mut(&mut self) -> Option<&mut T> {
        match self {
            Self::Ready(value) | Self::Stale { old: value, .. } => Some(value),
            Self::Failed { old, .. } => old.as_mut(),
            Self::Idle | Self::Loading { .. } => None,
        }
    }

    fn take(&mut self) -> Option<T> {
        match std::mem::take(self) {
            Self::Ready(value) | Self::Stale { old: value, .. } => Some(value),
            Self::Failed { old, .. } => old,
            Self::Idle | Self::Loading { .. } => None,
        }
    }

    /// Notes a request for it.
    pub(crate) fn request(&mut self, req: ReqId, since: Duration) {
        *self = match self.take() {
            Some(old) => Self::Stale { old, req, since },
            None => Self::Loading { req, since },
        };
    }

    /// The answer of its request: a value made from what was there and what came.
    pub(crate) fn answer<U>(&mut self, answer: Result<U, UiError>, merge: impl FnOnce(Option<T>, U) -> T) {
        let old = self.take();
        *self = match answer {
            Ok(new) => Self::Ready(merge(old, new)),
            Err(trouble) => Self::Failed { trouble, old },
        };
    }

    /// The request in flight.
    pub(crate) fn pending(&self) -> Option<ReqId> {
        match self {
            Self::Loading { req, .. } | Self::Stale { req, .. } => Some(*req),
            _ => None,
        }
    }

    /// Since when a request is in flight.
    pub(crate) fn since(&self) -> Option<Duration> {
        match self {
            Self::Loading { since, .. } | Self::Stale { since, .. } => Some(*since),
            _ => None,
        }
    }

    /// Why the last attempt failed.
    pub(crate) fn trouble(&self) -> Option<&UiError> {
        match self {
            Self::Failed { trouble, .. } => Some(trouble),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_there_stays_while_new_loads_and_when_it_fails() {
        let mut remote = Remote::default();
        remote.request(ReqId(1), Duration::ZERO);
        assert_eq!((remote.value(), remote.pending()), (None, Some(ReqId(1))));
        remote.answer(Ok(7), |_, new| new);
        remote.request(ReqId(2), Duration::ZERO);
        assert_eq!((remote.value(), remote.pending()), (Some(&7), Some(ReqId(2))));
        remote.answer(Err::<i32, _>(UiError::refused("no")), |_, new| new);
        assert_eq!((remote.value(), remote.pending()), (Some(&7), None));
        assert!(remote.trouble().is_some());
        remote.request(ReqId(3), Duration::ZERO);
        remote.answer(Ok(1), |old, new| old.unwrap_or(0) + new);
        assert_eq!(remote, Remote::Ready(8));
    }
}
