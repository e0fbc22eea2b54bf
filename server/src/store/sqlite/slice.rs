//! Where a page starts, in the terms of a statement.

use crate::store::{Position, Slice};

/// A key before all rows of a list that goes forward is smaller than any id (none is shorter than 16 bytes) ...
const NO_ID: &[u8] = &[];
/// ... and one before all rows of a list that goes back is greater (none is longer).
const PAST_IDS: &[u8] = &[0xff; 17];

/// Which end of a list a page without a cursor starts from.
#[derive(Clone, Copy)]
pub(super) enum Start {
    /// From the oldest on.
    Oldest,
    /// From the newest back.
    Newest,
}

/// The numbers of a page.
pub(super) struct Bounds {
    /// The time of the key to come after.
    pub(super) time: i64,
    /// The id of the key to come after.
    pub(super) id: Vec<u8>,
    /// How many rows at most.
    pub(super) size: u32,
    /// How many to leave out.
    pub(super) skip: i64,
}

impl Bounds {
    /// The page `slice` of a list that starts at `start`.
    pub(super) fn of(slice: Slice, start: Start) -> Self {
        let size = slice.size;
        let first = match start {
            Start::Oldest => (i64::MIN, NO_ID),
            Start::Newest => (i64::MAX, PAST_IDS),
        };
        match slice.from {
            Position::After(key) => {
                Self { time: key.created_at.0, id: key.id.as_bytes().to_vec(), size, skip: 0 }
            }
            Position::Skip(rows) => Self {
                time: first.0,
                id: first.1.to_vec(),
                size,
                skip: i64::try_from(rows).unwrap_or(i64::MAX),
            },
        }
    }
}
