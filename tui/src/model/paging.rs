//! A list that is read page by page.

use std::collections::HashSet;

use ro_co_shared::{AnswerId, QuestionId};

use super::{Answer, Question};
use crate::api::Listing;

/// Something that is known by its id.
pub(crate) trait Identified {
    /// Its kind of id.
    type Id: Copy + Eq + std::hash::Hash;

    /// Its id.
    fn id(&self) -> Self::Id;
}

impl Identified for Question {
    type Id = QuestionId;

    fn id(&self) -> QuestionId {
        self.id
    }
}

impl Identified for Answer {
    type Id = AnswerId;

    fn id(&self) -> AnswerId {
        self.id
    }
}

/// The pages read so far, as one list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Paged<T> {
    /// What was read.
    pub(crate) items: Vec<T>,
    /// Where the next page begins; none at the end.
    pub(crate) next: Option<String>,
}

impl<T: Identified> Paged<T> {
    /// A page as it came.
    pub(crate) fn new<W: Into<T>>(page: Listing<W>) -> Self {
        Self { items: page.items.into_iter().map(Into::into).collect(), next: page.next }
    }

    /// Where something is.
    pub(crate) fn position(&self, id: T::Id) -> Option<usize> {
        self.items.iter().position(|item| item.id() == id)
    }

    /// This first page on top of what was read before. Where the two meet, the older pages stay; where they
    /// do not, too much has happened in between, and they go. A first page without a next one is all there is.
    pub(crate) fn on_top_of(mut self, old: Option<Self>) -> Self {
        if self.next.is_none() {
            return self;
        }
        let last = self.items.last().map(Identified::id);
        if let Some(old) = old
            && let Some(meeting) = last.and_then(|last| old.position(last))
        {
            self.items.extend(old.items.into_iter().skip(meeting + 1));
            self.next = old.next;
        }
        self
    }

    /// Adds the page after. Things that moved over the edge of the page meanwhile are not shown twice.
    pub(crate) fn append(&mut self, page: Self) {
        let known: HashSet<_> = self.items.iter().map(Identified::id).collect();
        self.items.extend(page.items.into_iter().filter(|item| !known.contains(&item.id())));
        self.next = page.next;
    }

    /// Changes one thing, if it is here.
    pub(crate) fn update(&mut self, id: T::Id, change: impl FnOnce(&mut T)) {
        if let Some(item) = self.items.iter_mut().find(|item| item.id() == id) {
            change(item);
        }
    }

    /// Takes one thing out and says where it was.
    pub(crate) fn remove(&mut self, id: T::Id) -> Option<usize> {
        let at = self.position(id)?;
        self.items.remove(at);
        Some(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, PartialEq, Eq, Debug)]
    struct Thing(u32, &'static str);

    impl Identified for Thing {
        type Id = u32;

        fn id(&self) -> u32 {
            self.0
        }
    }

    fn paged(ids: &[u32], next: Option<&str>) -> Paged<Thing> {
        Paged { items: ids.iter().map(|id| Thing(*id, "old")).collect(), next: next.map(str::to_owned) }
    }

    fn ids(paged: &Paged<Thing>) -> Vec<u32> {
        paged.items.iter().map(|thing| thing.0).collect()
    }

    #[test]
    fn a_fresh_first_page_keeps_the_pages_it_meets() {
        let fresh = paged(&[9, 8, 6, 5], Some("after 5"))
            .on_top_of(Some(paged(&[8, 7, 6, 5, 4, 3], Some("after 3"))));
        assert_eq!(ids(&fresh), [9, 8, 6, 5, 4, 3], "7 was deleted, 9 is new");
        assert_eq!(fresh.next.as_deref(), Some("after 3"));
    }

    #[test]
    fn a_fresh_first_page_that_meets_nothing_replaces_all() {
        let fresh = paged(&[99, 98], Some("after 98")).on_top_of(Some(paged(&[8, 7], None)));
        assert_eq!((ids(&fresh), fresh.next.as_deref()), (vec![99, 98], Some("after 98")));
        assert_eq!(ids(&paged(&[8], None).on_top_of(Some(paged(&[8, 7], None)))), [8], "7 is gone");
    }

    #[test]
    fn a_next_page_shows_nothing_twice() {
        let mut list = paged(&[3, 2], Some("after 2"));
        list.append(paged(&[2, 1], None));
        assert_eq!((ids(&list), list.next), (vec![3, 2, 1], None));
    }
}
