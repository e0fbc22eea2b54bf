//! The methods of each path, for the `Allow` header of a 405 (RFC 9110 15.5.6).

use std::sync::LazyLock;

use poem_openapi::OpenApi;

/// The segments of each path, and its methods as a list.
static METHODS: LazyLock<Vec<(Vec<String>, String)>> = LazyLock::new(|| {
    let operations = super::Api::meta().into_iter().flat_map(|api| api.paths);
    let documented = operations.map(|path| {
        let mut methods: Vec<String> = path.operations.iter().map(|o| o.method.to_string()).collect();
        if methods.iter().any(|m| m == "GET") {
            methods.push("HEAD".into());
        }
        (segments(&path.path), methods.join(", "))
    });
    let pages = ["/", "/openapi.json", "/api.html"].map(|page| (segments(page), "GET, HEAD".to_owned()));
    documented.chain(pages).collect()
});

fn segments(path: &str) -> Vec<String> {
    path.trim_matches('/').split('/').map(ToOwned::to_owned).collect()
}

/// The methods of a path. A fixed segment takes precedence over a parameter.
pub(crate) fn allowed(path: &str) -> Option<&'static str> {
    let wanted = segments(path);
    let fits = |template: &[String]| {
        template.len() == wanted.len()
            && template.iter().zip(&wanted).all(|(t, w)| t == w || t.starts_with('{'))
    };
    let exact = METHODS.iter().find(|(template, _)| *template == wanted);
    exact.or_else(|| METHODS.iter().find(|(template, _)| fits(template))).map(|(_, methods)| methods.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fixed_segments_take_precedence_over_parameters() {
        assert_eq!(allowed("/api/v1/user/me"), Some("GET, HEAD"));
        assert_eq!(allowed("/api/v1/user/01936f3e-0000-7000-8000-000000000000"), Some("GET, DELETE, HEAD"));
        assert_eq!(allowed("/api/v1/auth/login/"), Some("POST"));
        assert_eq!(allowed("/openapi.json"), Some("GET, HEAD"));
        assert_eq!(allowed("/nowhere"), None);
    }
}
