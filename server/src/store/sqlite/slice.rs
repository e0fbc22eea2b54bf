//! Where a page starts, in the terms of a statement.

use crate::store::{Order, Position, Slice};

/// A key before all rows of a list that goes forward is smaller than any id (none is shorter than 16 bytes) ...
const NO_ID: &[u8] = &[];
/// ... and one before all rows of a list that goes back is greater (none is longer).
const PAST_IDS: &[u8] = &[0xff; 17];

/// The end of a statement that reads a page of a table with this alias: `?1` and `?2` are the key to come after, `?3`
/// how many rows, `?4` how many to skip.
macro_rules! page {
    (newest $alias:literal) => {
        concat!(
            "(",
            $alias,
            ".created_at, ",
            $alias,
            ".id) < (?1, ?2) ORDER BY ",
            $alias,
            ".created_at DESC, ",
            $alias,
            ".id DESC LIMIT ?3 OFFSET ?4"
        )
    };
    (oldest $alias:literal) => {
        concat!(
            "(",
            $alias,
            ".created_at, ",
            $alias,
            ".id) > (?1, ?2) ORDER BY ",
            $alias,
            ".created_at, ",
            $alias,
            ".id LIMIT ?3 OFFSET ?4"
        )
    };
}
pub(super) use page;

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
    /// The page `slice` of a list in this order.
    pub(super) fn of(slice: Slice, order: Order) -> Self {
        let size = slice.size;
        let first = match order {
            Order::Oldest => (i64::MIN, NO_ID),
            Order::Newest => (i64::MAX, PAST_IDS),
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
