//! How large a response may become, which is reserved before the store is asked.

use ro_co_shared::API_PATH;

/// A question or an answer of 10,000 emoji with its author, in bytes of JSON.
const MAX_ROW_BYTES: usize = 48 << 10;
/// The largest avatar that is kept.
const MAX_AVATAR_BYTES: usize = 256 << 10;
/// Any other response.
const SMALL_BYTES: usize = 4 << 10;
/// The page size where none is given, and the largest one.
const PAGE_SIZES: (usize, usize) = (10, 100);

/// An upper bound in bytes for the response to a request without a body.
pub(super) fn response_estimate(path: &str, query: Option<&str>) -> usize {
    let Some(path) = path.strip_prefix(API_PATH) else { return SMALL_BYTES };
    match path.split('/').skip(1).collect::<Vec<_>>()[..] {
        // One row more than the page, to see whether there is another page.
        ["question" | "user", "all"] | ["answer", "all", _] => (page_size(query) + 1) * MAX_ROW_BYTES,
        ["question" | "answer", _] => MAX_ROW_BYTES,
        ["user", .., "icon" | "icon.png"] => MAX_AVATAR_BYTES,
        _ => SMALL_BYTES,
    }
}

fn page_size(query: Option<&str>) -> usize {
    let (default, max) = PAGE_SIZES;
    let size =
        query.into_iter().flat_map(|query| query.split('&')).find_map(|pair| pair.strip_prefix("size="));
    // One that is not a size is a 400.
    size.and_then(|size| size.parse().ok()).map_or(default, |size: usize| size.min(max))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_estimated_by_their_page_size() {
        let list = |query| response_estimate("/api/v1/question/all", query) / MAX_ROW_BYTES;
        assert_eq!(list(None), 11);
        assert_eq!(list(Some("answered=true&size=1")), 2);
        assert_eq!(list(Some("size=100")), 101);
        assert_eq!(list(Some("size=99999999999")), 101);
        assert_eq!(list(Some("size=x")), 11);
        assert_eq!(response_estimate("/api/v1/answer/all/x", Some("size=9")), 10 * MAX_ROW_BYTES);
        assert_eq!(response_estimate("/api/v1/user/x/icon.png", Some("size=64")), MAX_AVATAR_BYTES);
        assert_eq!(response_estimate("/api/v1/question/x", None), MAX_ROW_BYTES);
        assert_eq!(response_estimate("/health/live", None), SMALL_BYTES);
    }
}
