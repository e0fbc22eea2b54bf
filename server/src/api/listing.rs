//! Lists: pages by number and by cursor, and what their answers carry beside the items.

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
use ro_co_shared::{Errors, Field, Input, Invalid, Optional, PageNumber, PageSize};
use serde::Serialize;

use super::{
    cursor::{CursorText, ListAddress, bad_cursor},
    payload::{header_value, matches_tag},
};
use crate::{
    error::ApiError,
    keys::{Keys, sha256},
    store::{Page, Position, Slice, Sorted},
};

/// How many items a page has when nothing is said.
const DEFAULT_SIZE: u32 = 10;

/// Where a list starts and how long it is, as asked.
pub(super) struct PageParams<'a> {
    pub page: &'a Optional<PageNumber>,
    pub size: &'a Optional<PageSize>,
    pub cursor: &'a Optional<CursorText>,
}

/// [`PageParams`] with each field checked.
pub(super) struct PageStart {
    from: Start,
    size: u32,
}

/// Where a page starts, as asked.
enum Start {
    Page(u64),
    Cursor(CursorText),
}

impl PageParams<'_> {
    /// Checks each field; whether a cursor is one of the list is for [`PageStart::slice`] to say.
    pub(super) fn check(&self, errors: &mut Errors) -> Option<PageStart> {
        let page = self.page.check_text("page", errors);
        let size = self.size.check_text("size", errors);
        let cursor = self.cursor.check_text("cursor", errors);
        let (page, size, cursor) = (page?, size?.map_or(DEFAULT_SIZE, |s| s.0), cursor?);
        let from = match (page, cursor) {
            (Some(_), Some(_)) => {
                return errors.reject("cursor", &Invalid::new("cannot be combined with page"));
            }
            (page, None) => Start::Page(page.map_or(0, |p| p.0.into())),
            (None, Some(cursor)) => Start::Cursor(cursor),
        };
        Some(PageStart { from, size })
    }
}

impl PageStart {
    /// The slice of this list, one row longer than asked, to see whether there is a next page.
    pub(super) fn slice(self, keys: &Keys, list: &ListAddress) -> Result<Slice, ApiError> {
        let from = match self.from {
            Start::Page(page) => Position::Skip(page * u64::from(self.size)),
            Start::Cursor(text) => Position::After(list.open(keys, &text).ok_or_else(not_of_this_list)?),
        };
        Ok(Slice { from, size: self.size + 1 })
    }
}

fn not_of_this_list() -> ApiError {
    let mut errors = Errors::default();
    errors.reject::<()>("cursor", &bad_cursor());
    ApiError::fields(errors.into_vec())
}

/// The page of a list that has no cursors.
pub(super) fn number_page(page: &Optional<PageNumber>, size: &Optional<PageSize>) -> Result<Page, ApiError> {
    let mut errors = Errors::default();
    match (page.check_text("page", &mut errors), size.check_text("size", &mut errors)) {
        (Some(page), Some(size)) => {
            Ok(Page { number: page.map_or(0, |p| p.0), size: size.map_or(DEFAULT_SIZE, |s| s.0) })
        }
        _ => Err(ApiError::fields(errors.into_vec())),
    }
}

/// An id in a path.
pub(super) fn id<T: Field>(field: &str, input: &Input<T>) -> Result<T, ApiError> {
    let mut errors = Errors::default();
    input.check(field, &mut errors).ok_or_else(|| ApiError::fields(errors.into_vec()))
}

/// A page of a list on its way out.
pub(super) struct Listed<T> {
    items: Vec<T>,
    next: Option<String>,
    total: Option<u64>,
    if_none_match: Option<String>,
}

/// What a page is made of.
pub(super) struct PageResult<'a, R> {
    /// One more row than asked, where there are that many.
    pub rows: Vec<R>,
    /// What was asked of the store.
    pub slice: Slice,
    /// The list.
    pub list: &'a ListAddress,
    /// How many there are in all, where that was asked.
    pub total: Option<u64>,
    /// The tag of the page the client has.
    pub if_none_match: Option<String>,
}

impl<T> Listed<T> {
    /// The page, with the address of the next one if there is one.
    pub(super) fn new<R: Sorted + Into<T>>(keys: &Keys, found: PageResult<'_, R>) -> Self {
        let PageResult { mut rows, slice, list, total, if_none_match } = found;
        let size = slice.size as usize - 1;
        let more = rows.len() > size;
        rows.truncate(size);
        let next = rows.last().filter(|_| more).map(|last| {
            let (cursor, ListAddress { path, query, .. }) = (list.seal(keys, last.sort_key()), list);
            format!("<{path}?cursor={cursor}&size={size}{query}>; rel=\"next\"")
        });
        Self { items: rows.into_iter().map(Into::into).collect(), next, total, if_none_match }
    }
}

impl<T: Serialize + Send> IntoResponse for Listed<T> {
    fn into_response(self) -> Response {
        let Ok(body) = serde_json::to_vec(&self.items) else {
            return ApiError::new(ro_co_shared::Code::Internal, "").into_response();
        };
        let mut tagged = sha256(&body).to_vec();
        tagged.extend(self.next.as_deref().unwrap_or_default().as_bytes());
        let tag = format!("\"{}\"", BASE64_URL_SAFE_NO_PAD.encode(&sha256(&tagged)[..15]));
        let mut response = if matches_tag(self.if_none_match.as_deref(), &tag) {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            Response::builder().content_type("application/json").body(body)
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
            description: "A page of the list; past the end it is empty.",
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
