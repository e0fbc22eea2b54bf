//! Counts the connections of the driver's pools, by the events that it reports.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use mongodb::{
    event::{EventHandler, cmap::CmapEvent},
    options::ClientOptions,
};

use crate::store::PoolStats;

/// Connections of one client, to all nodes.
#[derive(Debug, Default)]
pub(super) struct PoolCounts {
    created: AtomicU64,
    closed: AtomicU64,
    checked_out: AtomicU64,
    checked_in: AtomicU64,
}

impl PoolCounts {
    /// Counts the connections of the client that these options make, unless they have a handler already.
    pub(super) fn watch(options: &mut ClientOptions) -> Arc<Self> {
        let counts = Arc::<Self>::default();
        let counting = Arc::clone(&counts);
        options
            .cmap_event_handler
            .get_or_insert_with(|| EventHandler::callback(move |event| counting.note(&event)));
        counts
    }

    fn note(&self, event: &CmapEvent) {
        let counter = match event {
            CmapEvent::ConnectionCreated(_) => &self.created,
            CmapEvent::ConnectionClosed(_) => &self.closed,
            CmapEvent::ConnectionCheckedOut(_) => &self.checked_out,
            CmapEvent::ConnectionCheckedIn(_) => &self.checked_in,
            _ => return,
        };
        counter.fetch_add(1, Relaxed);
    }

    pub(super) fn stats(&self) -> PoolStats {
        // Ends first: whatever happens between two reads, a count that has not begun never ends.
        let (closed, checked_in) = (self.closed.load(Relaxed), self.checked_in.load(Relaxed));
        PoolStats {
            open: self.created.load(Relaxed).saturating_sub(closed),
            in_use: self.checked_out.load(Relaxed).saturating_sub(checked_in),
        }
    }
}
