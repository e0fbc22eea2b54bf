//! The `Link` header (RFC 8288) of lists.

use reqwest::{
    Url,
    header::{HeaderMap, LINK},
};

/// The cursor in the address of the next page; `None` on the last page.
pub(super) fn next_cursor(headers: &HeaderMap) -> Option<String> {
    headers.get_all(LINK).iter().filter_map(|value| value.to_str().ok()).find_map(next_in)
}

fn next_in(header: &str) -> Option<String> {
    let mut rest = header;
    while let Some((_, after)) = rest.split_once('<') {
        let (target, after) = after.split_once('>')?;
        let parameters = after.split('<').next().unwrap_or_default();
        if is_next(parameters) {
            return cursor(target);
        }
        rest = after;
    }
    None
}

fn is_next(parameters: &str) -> bool {
    parameters.split([';', ',']).any(|parameter| {
        parameter.split_once('=').is_some_and(|(name, value)| {
            name.trim().eq_ignore_ascii_case("rel")
                && value.trim().trim_matches('"').split(' ').any(|rel| rel == "next")
        })
    })
}

/// Only the cursor is taken from the address, never the address: it may point anywhere.
fn cursor(target: &str) -> Option<String> {
    let base = Url::parse("http://server").ok()?;
    let url = Url::options().base_url(Some(&base)).parse(target).ok()?;
    url.query_pairs().find(|(name, _)| name == "cursor").map(|(_, value)| value.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[&str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(LINK, value.parse().unwrap());
        }
        next_cursor(&headers)
    }

    #[test]
    fn the_next_page_among_others() {
        assert_eq!(of(&[r#"</api/v1/question/all?size=10&cursor=a-_Z%2B>; rel="next""#]).unwrap(), "a-_Z+");
        assert_eq!(of(&[r#"</x?cursor=1>; rel="first", </x?cursor=2>; rel=next"#]).unwrap(), "2");
        assert_eq!(
            of(&[r#"</x?cursor=1>; rel="prev""#, r#"<https://evil.example/?cursor=3>; rel="last next""#])
                .unwrap(),
            "3"
        );
    }

    #[test]
    fn nonsense_is_the_last_page() {
        for odd in [
            "",
            "<",
            "<>",
            ">;rel=next<",
            "</x?cursor=1",
            r#"</x>; rel="next""#,
            "</x?cursor=1>; rel=\"prev\"",
            "<http://[>; rel=next",
        ] {
            assert_eq!(of(&[odd]), None, "{odd}");
        }
        assert_eq!(of(&[]), None);
    }
}
