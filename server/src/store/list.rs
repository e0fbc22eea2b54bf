//! How lists are asked for: which rows, in which order, from where on.

use ro_co_shared::{QuestionId, Timestamp, UserId};
use uuid::Uuid;

/// A part of a list. `F` says which rows the list has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ListQuery<F> {
    /// Which rows.
    pub filter: F,
    /// In which order.
    pub order: Order,
    /// From where on, and how many.
    pub slice: Slice,
}

/// Which questions a list has; all, by default.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct QuestionFilter {
    /// Only those marked so.
    pub answered: Option<bool>,
    /// Only those by this user.
    pub author: Option<UserId>,
}

/// Which answers a list has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AnswerFilter {
    /// Those to this question.
    pub question: QuestionId,
}

/// The order of a list; ids break ties, so it is total.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Order {
    /// From the newest back, by the time of creation.
    Newest,
    /// From the oldest on, by the time of creation.
    Oldest,
}

/// A part of a list: so many rows from a position on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Slice {
    /// Where it starts.
    pub from: Position,
    /// How many rows at most.
    pub size: u32,
}

/// Where a part of a list starts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Position {
    /// After so many rows; costs the more the more they are.
    Skip(u64),
    /// After the row with this key, in the order of the list.
    After(SortKey),
}

/// The key of a row in the order of its list.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct SortKey {
    /// When the row was created.
    pub created_at: Timestamp,
    /// Its id, which breaks ties.
    pub id: Uuid,
}

/// A row of a list.
pub trait Sorted {
    /// Its place in the list.
    fn sort_key(&self) -> SortKey;
}
