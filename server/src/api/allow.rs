//! The methods of each path: for the `Allow` header of a 405 (RFC 9110 15.5.6), and which of them read a body.

use std::sync::LazyLock;

use poem::http::Method;
use poem_openapi::OpenApi;

/// A path and its methods.
struct Resource {
    segments: Vec<String>,
    /// As the `Allow` header lists them.
    methods: String,
    /// The methods that read a request body.
    with_body: Vec<Method>,
}

static RESOURCES: LazyLock<Vec<Resource>> = LazyLock::new(|| {
    let operations = super::Api::meta().into_iter().flat_map(|api| api.paths);
    let documented = operations.map(|path| {
        let mut methods: Vec<String> = path.operations.iter().map(|o| o.method.to_string()).collect();
        if methods.iter().any(|m| m == "GET") {
            methods.push("HEAD".into());
        }
        let with_body = path.operations.iter().filter(|o| o.request.is_some());
        Resource {
            segments: segments(&path.path),
            methods: methods.join(", "),
            with_body: with_body.map(|o| o.method.clone()).collect(),
        }
    });
    let pages = ["/", "/openapi.json", "/api.html"].map(|page| Resource {
        segments: segments(page),
        methods: "GET, HEAD".to_owned(),
        with_body: Vec::new(),
    });
    documented.chain(pages).collect()
});

fn segments(path: &str) -> Vec<String> {
    path.trim_matches('/').split('/').map(ToOwned::to_owned).collect()
}

/// The methods of a path, for the `Allow` header.
pub(crate) fn allowed(path: &str) -> Option<&'static str> {
    Some(&resource(path)?.methods)
}

/// Whether the operation of this method and path reads a request body.
pub(crate) fn reads_body(method: &Method, path: &str) -> bool {
    resource(path).is_some_and(|resource| resource.with_body.contains(method))
}

/// The resource at a path. A fixed segment takes precedence over a parameter.
fn resource(path: &str) -> Option<&'static Resource> {
    let wanted = segments(path);
    let fits = |template: &[String]| {
        template.len() == wanted.len()
            && template.iter().zip(&wanted).all(|(t, w)| t == w || t.starts_with('{'))
    };
    let exact = RESOURCES.iter().find(|resource| resource.segments == wanted);
    exact.or_else(|| RESOURCES.iter().find(|resource| fits(&resource.segments)))
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

    #[test]
    fn operations_that_read_a_body() {
        for (method, path, reads) in [
            (Method::POST, "/api/v1/auth/login", true),
            (Method::POST, "/api/v1/auth/refresh", false),
            (Method::PUT, "/api/v1/question/x", true),
            (Method::DELETE, "/api/v1/question/x", false),
            (Method::GET, "/api/v1/question/all", false),
            (Method::POST, "/nowhere", false),
        ] {
            assert_eq!(reads_body(&method, path), reads, "{method} {path}");
        }
    }
}
