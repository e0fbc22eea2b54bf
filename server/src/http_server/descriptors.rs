//! The process's limit on open file descriptors, and how many connections fit into it.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::HttpLimits;

/// The highest limit that is asked for.
const MAX_DESCRIPTORS: u64 = 65_536;
/// Descriptors that are not for connections: the database, outgoing connections, connections being closed.
const RESERVED_DESCRIPTORS: u64 = 256;
/// Connections where there are hardly more descriptors than the reserve.
const MIN_CONNECTIONS: u64 = 16;

/// Raises the soft limit to the hard one, to at most 65,536, and returns these limits with as many connections as fit. For
/// the server's own program: in another one the limit is not the server's to change.
pub(crate) fn raise_and_fit(limits: HttpLimits) -> HttpLimits {
    raise_limit();
    let (wanted, limits) = (limits.max_connections, fit(limits));
    let (descriptors, max_connections) = (soft_limit(), limits.max_connections);
    if max_connections < wanted {
        tracing::warn!(
            descriptors,
            max_connections,
            "Connections limited by the limit on open files (ulimit -n)"
        );
    } else {
        tracing::info!(descriptors, max_connections, "Connection limit");
    }
    limits
}

/// These limits with as many connections as fit into the soft limit.
pub(crate) fn fit(limits: HttpLimits) -> HttpLimits {
    HttpLimits { max_connections: limits.max_connections.min(connections(soft_limit())), ..limits }
}

fn raise_limit() {
    let limit = getrlimit(Resource::Nofile);
    let target = limit.maximum.unwrap_or(MAX_DESCRIPTORS).min(MAX_DESCRIPTORS);
    if limit.current.is_none_or(|current| current >= target) {
        return;
    }
    let raised = Rlimit { current: Some(target), maximum: limit.maximum };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%error, target, "Raising the limit on open files failed");
    }
}

fn soft_limit() -> u64 {
    getrlimit(Resource::Nofile).current.unwrap_or(MAX_DESCRIPTORS)
}

fn connections(descriptors: u64) -> usize {
    let connections = descriptors.saturating_sub(RESERVED_DESCRIPTORS).max(MIN_CONNECTIONS);
    usize::try_from(connections).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_the_reserve() {
        assert_eq!(connections(65_536), 65_280);
        assert_eq!(connections(1_024), 768);
        assert_eq!(connections(200), 16);
    }
}
