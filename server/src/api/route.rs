//! The documented path of each route, for logs and metrics.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock},
};

use poem_openapi::OpenApi;

/// The documented paths (`/question/{id}`) by the router's patterns for them (`/question/:param0`).
static TEMPLATES: LazyLock<HashMap<String, Arc<str>>> = LazyLock::new(|| {
    let paths = super::Api::meta().into_iter().flat_map(|api| api.paths);
    paths.map(|path| (pattern(&path.path), path.path.as_str().into())).collect()
});

/// The pattern that poem-openapi makes of a documented path: it numbers the parameters.
fn pattern(template: &str) -> String {
    let mut parameters = 0..;
    let segments = template.split('/').map(|segment| match segment.strip_prefix('{') {
        Some(_) => format!(":param{}", parameters.next().unwrap_or(0)),
        None => segment.to_owned(),
    });
    segments.collect::<Vec<_>>().join("/")
}

/// The documented path of a router's pattern; the pattern itself for pages that are not in the document.
pub(crate) fn template(pattern: &Arc<str>) -> Arc<str> {
    Arc::clone(TEMPLATES.get(&**pattern).unwrap_or(pattern))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_have_their_names() {
        let of = |pattern: &str| template(&pattern.into()).to_string();
        assert_eq!(of("/api/v1/question/:param0"), "/api/v1/question/{id}");
        assert_eq!(of("/api/v1/question/all"), "/api/v1/question/all");
        assert_eq!(of("/openapi.json"), "/openapi.json");
    }
}
