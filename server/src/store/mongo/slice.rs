//! Where a page starts, in the terms of a query.

use mongodb::bson::{Document, doc};

use super::documents::{date, uuid};
use crate::store::{Cursor, Position, Slice};

/// Which way a list goes.
#[derive(Clone, Copy)]
pub(super) enum Order {
    /// From the oldest on.
    Oldest,
    /// From the newest back.
    Newest,
}

impl Order {
    /// As the server sorts by.
    pub(super) fn sort(self) -> Document {
        let way = match self {
            Self::Oldest => 1,
            Self::Newest => -1,
        };
        doc! { "createdAt": way, "_id": way }
    }

    /// Narrows a filter down to what comes after a cursor. The first condition bounds the index; the second leaves out
    /// the rows of the very same moment that were on the page before.
    fn after(self, filter: &mut Document, cursor: Cursor) {
        let (at, id) = (date(cursor.created_at), uuid(cursor.id));
        let (or_equal, beyond) = match self {
            Self::Oldest => ("$gte", "$gt"),
            Self::Newest => ("$lte", "$lt"),
        };
        filter.insert("createdAt", doc! { or_equal: at });
        filter.insert("$or", vec![doc! { "createdAt": { beyond: at } }, doc! { "_id": { beyond: id } }]);
    }

    /// Narrows a filter down to a slice; how many rows are to be skipped.
    pub(super) fn narrow(self, filter: &mut Document, slice: Slice) -> u64 {
        match slice.from {
            Position::Skip(rows) => rows.min(MOST_SKIPPED),
            Position::After(cursor) => {
                self.after(filter, cursor);
                0
            }
        }
    }
}

/// The server adds the size of the page to it, in 64 bits with a sign.
pub(super) const MOST_SKIPPED: u64 = i64::MAX as u64 - u32::MAX as u64;
