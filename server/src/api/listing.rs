//! Lists: pages by number and by cursor, and what their answers carry beside the items.

use std::marker::PhantomData;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use poem::{
    IntoResponse, Response,
    http::{StatusCode, header},
};
use poem_openapi::{
    ApiResponse,
    registry::{MetaHeader, MetaMediaType, MetaResponse, MetaResponses, Registry},
    types::{ToJSON, Type},
};
use ro_co_shared::{Code, Errors, Field, Input, Invalid, Optional, PageNumber, PageSize, Timestamp};
use serde::Serialize;

use super::{
    cursor::{CursorText, ListAddress, bad_cursor},
    payload::{header_value, matches_tag},
};
use crate::{
    app::App,
    error::ApiError,
    keys::sha256,
    store::{ListQuery, Order, Position, Slice, SortKey, Sorted},
};

/// How many items a page has when nothing is said.
const DEFAULT_SIZE: u32 = 10;

/// The most rows that a page by number may leave out and show; what is further down is reached by cursors.
const MAX_DEPTH: u64 = 10_000;

/// Above this many rows left out, a page by number is a slow read.
const DEEP: u64 = 1_000;

/// The most bytes that a page not asked for by number has, unless its first item alone is larger.
const MAX_BYTES: usize = 1 << 20;

/// Where a list starts and how long it is, as asked.
pub(super) struct PageParams<'a> {
    pub page: &'a Optional<PageNumber>,
    pub size: &'a Optional<PageSize>,
    pub cursor: &'a Optional<CursorText>,
}

/// [`PageParams`] with each field checked.
pub(super) struct PageStart {
    start: Start,
    size: u32,
}

/// Where a page starts, as asked.
enum Start {
    /// At the beginning of the list.
    First,
    /// At the beginning of the page with this number.
    Page(u32),
    /// Behind the row of this cursor.
    Cursor(CursorText),
}

impl PageParams<'_> {
    /// Checks each field; whether a cursor is one of the list is for [`PageStart::of`] to say.
    pub(super) fn check(&self, errors: &mut Errors) -> Option<PageStart> {
        let page = self.page.check_text("page", errors);
        let size = self.size.check_text("size", errors);
        let cursor = self.cursor.check_text("cursor", errors);
        let (page, size, cursor) = (page?, size?.map_or(DEFAULT_SIZE, |s| s.0), cursor?);
        let start = match (page, cursor) {
            (Some(_), Some(_)) => {
                return errors.reject("cursor", &Invalid::new("cannot be combined with page"));
            }
            (Some(PageNumber(page)), None) if u64::from(page) * u64::from(size) > MAX_DEPTH => {
                return errors.reject("page", &too_deep());
            }
            (Some(PageNumber(page)), None) => Start::Page(page),
            (None, Some(cursor)) => Start::Cursor(cursor),
            (None, None) => Start::First,
        };
        Some(PageStart { start, size })
    }
}

fn too_deep() -> Invalid {
    Invalid(format!(
        "is too deep: page times size is at most {MAX_DEPTH}; follow the cursor in the `Link` header instead"
    ))
}

impl PageStart {
    /// The page of this list. Made before the rows are read: it keeps the time.
    pub(super) fn of(self, app: &App, list: ListAddress) -> Result<PageRequest, ApiError> {
        let position = match &self.start {
            Start::First => Position::Skip(0),
            Start::Page(page) => Position::Skip(u64::from(*page) * u64::from(self.size)),
            Start::Cursor(text) => Position::After(list.open(&app.keys, text).ok_or_else(not_of_this_list)?),
        };
        let numbered = matches!(self.start, Start::Page(_));
        Ok(PageRequest { list, position, numbered, size: self.size, asked_at: app.clock.now() })
    }
}

fn not_of_this_list() -> ApiError {
    let mut errors = Errors::default();
    errors.reject::<()>("cursor", &bad_cursor());
    ApiError::fields(errors.into_vec())
}

/// A page of a list.
pub(super) struct PageRequest {
    list: ListAddress,
    position: Position,
    /// Whether it was asked for by its number. Such a page is never cut, for the next number would leave rows out.
    numbered: bool,
    size: u32,
    asked_at: Timestamp,
}

impl PageRequest {
    /// What to ask of the store: one row more than the page has, to see whether there is a next page.
    pub(super) fn query<F>(&self, filter: F) -> ListQuery<F> {
        let slice = Slice { from: self.position, size: self.size + 1 };
        ListQuery { filter, order: self.list.order, slice }
    }

    /// Whether the store has to leave out many rows for it.
    pub(super) fn is_deep(&self) -> bool {
        matches!(self.position, Position::Skip(rows) if rows > DEEP)
    }
}

/// An id in a path.
pub(super) fn id<T: Field>(field: &str, input: &Input<T>) -> Result<T, ApiError> {
    let mut errors = Errors::default();
    input.check(field, &mut errors).ok_or_else(|| ApiError::fields(errors.into_vec()))
}

/// A page of a list on its way out.
pub(super) struct Listed<T> {
    /// A JSON array.
    body: Vec<u8>,
    next: Option<String>,
    total: Option<u64>,
    if_none_match: Option<String>,
    items: PhantomData<T>,
}

/// What a page is made of.
pub(super) struct PageResult<R> {
    /// What was asked for.
    pub page: PageRequest,
    /// What the store answered.
    pub rows: Vec<R>,
    /// How many there are in all, where that was asked.
    pub total: Option<u64>,
    /// The tag of the page the client has.
    pub if_none_match: Option<String>,
}

impl<T: Serialize> Listed<T> {
    /// The page, with the URL of the next one if there is one.
    pub(super) fn new<R: Sorted>(
        app: &App,
        found: PageResult<R>,
        show: impl Fn(R) -> T,
    ) -> Result<Self, ApiError> {
        let PageResult { page, rows, total, if_none_match } = found;
        let max_bytes = if page.numbered { usize::MAX } else { MAX_BYTES };
        let max_rows = usize::try_from(page.size).unwrap_or(usize::MAX);
        let (mut array, mut shown, mut more) = (JsonArray::default(), None, false);
        for row in rows {
            let key = row.sort_key();
            more = array.rows == max_rows || !array.push(&show(row), max_bytes)?;
            if more {
                break;
            }
            shown = Some(key);
        }
        let next = shown.filter(|_| more).map(|key| page.link_after(app, key));
        Ok(Self { body: array.close(), next, total, if_none_match, items: PhantomData })
    }
}

impl PageRequest {
    fn link_after(&self, app: &App, last: SortKey) -> String {
        let key = match self.list.order {
            Order::Newest => last,
            Order::Oldest => app.store.resume_after(last, self.asked_at),
        };
        let (cursor, size) = (self.list.seal(&app.keys, key), self.size);
        let (base_path, path, query) = (&app.settings.base_path, &self.list.path, &self.list.query);
        format!("<{base_path}{path}?cursor={cursor}&size={size}{query}>; rel=\"next\"")
    }
}

/// A JSON array, item by item.
#[derive(Default)]
struct JsonArray {
    bytes: Vec<u8>,
    rows: usize,
}

impl JsonArray {
    /// Adds an item, unless the array would be larger than so many bytes; the first always is.
    fn push(&mut self, item: &impl Serialize, max_bytes: usize) -> Result<bool, ApiError> {
        let before = self.bytes.len();
        self.bytes.push(if self.rows == 0 { b'[' } else { b',' });
        serde_json::to_writer(&mut self.bytes, item).map_err(|_| ApiError::new(Code::Internal, ""))?;
        if self.rows > 0 && self.bytes.len() >= max_bytes {
            self.bytes.truncate(before);
            return Ok(false);
        }
        self.rows += 1;
        Ok(true)
    }

    fn close(mut self) -> Vec<u8> {
        if self.rows == 0 {
            self.bytes.push(b'[');
        }
        self.bytes.push(b']');
        self.bytes
    }
}

impl<T: Send> IntoResponse for Listed<T> {
    fn into_response(self) -> Response {
        let mut tagged = sha256(&self.body).to_vec();
        tagged.extend(self.next.as_deref().unwrap_or_default().as_bytes());
        let tag = format!("\"{}\"", BASE64_URL_SAFE_NO_PAD.encode(&sha256(&tagged)[..15]));
        let mut response = if matches_tag(self.if_none_match.as_deref(), &tag) {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            Response::builder().content_type("application/json").body(self.body)
        };
        let headers = response.headers_mut();
        headers.insert(header::ETAG, header_value(&tag));
        if let Some(next) = self.next {
            headers.insert(header::LINK, header_value(&next));
        }
        if let Some(total) = self.total {
            headers.insert("X-Total-Count", total.into());
        }
        response
    }
}

impl<T: Serialize + ToJSON> ApiResponse for Listed<T> {
    fn meta() -> MetaResponses {
        let header = |name: &str| MetaHeader {
            name: name.into(),
            description: None,
            required: false,
            deprecated: false,
            schema: String::schema_ref(),
        };
        let page = MetaResponse {
            description: "A page of the list; past the end it is empty. It may have fewer items than asked for: only where `Link` is missing it is the last one.",
            status: Some(200),
            status_range: None,
            content: vec![MetaMediaType { content_type: "application/json", schema: Vec::<T>::schema_ref() }],
            headers: vec![header("ETag"), header("Link"), header("X-Total-Count")],
        };
        let unchanged = MetaResponse {
            description: "The page named by `If-None-Match` is still right.",
            status: Some(304),
            status_range: None,
            content: vec![],
            headers: vec![header("ETag")],
        };
        MetaResponses { responses: vec![page, unchanged] }
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}
