//! A list that is read page by page, with the requests for it.

use std::time::Duration;

use super::{
    Core, Paged, Remote, ReqId, UiError,
    cmd::{Request, Slot},
    paging::Identified,
};
use crate::api::Listing;

/// What a screen knows of a list on the server, and what it has asked for.
pub(crate) struct PagedList<T> {
    rows: Remote<Paged<T>>,
    more: Option<ReqId>,
    next_error: Option<UiError>,
}

/// Which part of a list an answer was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Part {
    /// The first page.
    First,
    /// A page after it.
    Next,
}

impl<T> Default for PagedList<T> {
    fn default() -> Self {
        Self { rows: Remote::Idle, more: None, next_error: None }
    }
}

impl<T: Identified> PagedList<T> {
    /// The pages read so far; `None` before the first one.
    pub(crate) fn rows(&self) -> Option<&Paged<T>> {
        self.rows.value()
    }

    /// The pages read so far, to be changed in place.
    pub(crate) fn rows_mut(&mut self) -> Option<&mut Paged<T>> {
        self.rows.value_mut()
    }

    /// What was read so far.
    pub(crate) fn items(&self) -> &[T] {
        self.rows.value().map_or(&[], |rows| &rows.items)
    }

    /// What was read so far, to be changed in place.
    pub(crate) fn items_mut(&mut self) -> &mut [T] {
        self.rows.value_mut().map_or(&mut [], |rows| &mut rows.items)
    }

    /// Where something is.
    pub(crate) fn position(&self, id: T::Id) -> Option<usize> {
        self.rows.value()?.position(id)
    }

    /// Changes one thing, if it is here.
    pub(crate) fn update(&mut self, id: T::Id, change: impl FnOnce(&mut T)) {
        if let Some(rows) = self.rows.value_mut() {
            rows.update(id, change);
        }
    }

    /// Takes one thing out and says where it was.
    pub(crate) fn remove(&mut self, id: T::Id) -> Option<usize> {
        self.rows.value_mut()?.remove(id)
    }

    /// Whether the list has been read to its end.
    pub(crate) fn is_complete(&self) -> bool {
        self.rows.value().is_some_and(|rows| rows.next.is_none())
    }

    /// Asks for the first page again; what is shown stays until it is there.
    pub(crate) fn reload(&mut self, core: &mut Core, slot: Slot, call: Request) {
        if let Some(req) = self.more.take() {
            core.abort(req);
        }
        self.next_error = None;
        let req = core.call(Some(slot), call);
        self.rows.request(req, core.now.run);
    }

    /// Asks for the next page, unless there is none, one is in flight, or the last attempt failed.
    pub(crate) fn read_on(&mut self, core: &mut Core, call: impl FnOnce(String) -> Request) {
        if self.more.is_some() || self.next_error.is_some() || self.rows.pending().is_some() {
            return;
        }
        if let Some(cursor) = self.rows.value().and_then(|rows| rows.next.clone()) {
            self.more = Some(core.call(None, call(cursor)));
        }
    }

    /// Whether it waits for this answer.
    pub(crate) fn awaits(&self, req: ReqId) -> bool {
        [self.rows.pending(), self.more].contains(&Some(req))
    }

    /// The answer it waits for; `merge` makes the list of a fresh first page and of what was shown. Says which part
    /// it was.
    pub(crate) fn done<W: Into<T>>(
        &mut self,
        core: &mut Core,
        req: ReqId,
        answer: Result<Listing<W>, UiError>,
        merge: impl FnOnce(Option<Paged<T>>, Paged<T>) -> Paged<T>,
    ) -> Part {
        if let Err(trouble) = &answer {
            core.plan_retry(trouble);
        }
        let answer = answer.map(Paged::new);
        if self.more != Some(req) {
            self.rows.answer(answer, merge);
            return Part::First;
        }
        self.more = None;
        match answer {
            Ok(page) => {
                if let Some(rows) = self.rows.value_mut() {
                    rows.append(page);
                }
            }
            Err(trouble) => self.next_error = Some(trouble),
        }
        Part::Next
    }

    /// Forgets why the next page could not be read, so that it is asked for again. Says whether there was a reason.
    pub(crate) fn retry_next(&mut self) -> bool {
        self.next_error.take().is_some()
    }

    /// Ends its requests.
    pub(crate) fn abort(&mut self, core: &mut Core) {
        for req in [self.more.take(), self.rows.pending()].into_iter().flatten() {
            core.abort(req);
        }
    }

    /// Since when the first page is in flight.
    pub(crate) fn since(&self) -> Option<Duration> {
        self.rows.since()
    }

    /// Why the first page could not be read.
    pub(crate) fn trouble(&self) -> Option<&UiError> {
        self.rows.trouble()
    }

    /// Why the next page could not be read.
    pub(crate) fn next_error(&self) -> Option<&UiError> {
        self.next_error.as_ref()
    }
}
