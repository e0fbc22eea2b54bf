//! Where a page starts, in the terms of a query.

use mongodb::bson::{Document, doc};

use super::documents::{date, uuid};
use crate::store::{Order, Position, Slice, SortKey};

/// As the server sorts by.
pub(super) fn sort(order: Order) -> Document {
    let way = match order {
        Order::Oldest => 1,
        Order::Newest => -1,
    };
    doc! { "createdAt": way, "_id": way }
}

/// Narrows a filter down to what comes after a key. The first condition bounds the index; the second leaves out the
/// rows of the very same moment that were on the page before.
fn after(filter: &mut Document, order: Order, key: SortKey) {
    let (at, id) = (date(key.created_at), uuid(key.id));
    let (or_equal, beyond) = match order {
        Order::Oldest => ("$gte", "$gt"),
        Order::Newest => ("$lte", "$lt"),
    };
    filter.insert("createdAt", doc! { or_equal: at });
    filter.insert("$or", vec![doc! { "createdAt": { beyond: at } }, doc! { "_id": { beyond: id } }]);
}

/// Narrows a filter down to a slice; how many rows are to be skipped.
pub(super) fn narrow(filter: &mut Document, order: Order, slice: Slice) -> u64 {
    match slice.from {
        Position::Skip(rows) => rows.min(MAX_SKIP),
        Position::After(key) => {
            after(filter, order, key);
            0
        }
    }
}

/// The server adds the size of the page to it, in 64 bits with a sign.
const MAX_SKIP: u64 = i64::MAX as u64 - u32::MAX as u64;
