//! The methods of each path: for the `Allow` header of a 405 (RFC 9110 15.5.6), and which of them read a body.

use std::sync::LazyLock;

use poem::http::Method;
use poem_openapi::{
    OpenApi,
    registry::{MetaOperation, MetaParamIn},
};

/// A path and its methods.
struct Resource {
    segments: Vec<String>,
    /// As the `Allow` header lists them.
    methods: String,
    /// The methods that read a request body.
    with_body: Vec<Method>,
    /// The query parameters of each method.
    queries: Vec<(Method, Vec<String>)>,
}

/// Operations that take any query: clients lead caches past an old picture by parameters of all kinds.
const ANY_QUERY: [&str; 2] = ["getIcon", "getIconPng"];

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
            queries: path.operations.iter().filter_map(queries).collect(),
        }
    });
    let pages = ["/", "/openapi.json", "/api.html"].map(|page| Resource {
        segments: segments(page),
        methods: "GET, HEAD".to_owned(),
        with_body: Vec::new(),
        queries: Vec::new(),
    });
    documented.chain(pages).collect()
});

fn queries(operation: &MetaOperation) -> Option<(Method, Vec<String>)> {
    if operation.operation_id.is_some_and(|id| ANY_QUERY.contains(&id)) {
        return None;
    }
    let query = operation.params.iter().filter(|param| param.in_type == MetaParamIn::Query);
    Some((operation.method.clone(), query.map(|param| param.name.clone()).collect()))
}

fn segments(path: &str) -> Vec<String> {
    path.trim_matches('/').split('/').map(ToOwned::to_owned).collect()
}

/// The methods of a path, for the `Allow` header.
pub(crate) fn allowed(path: &str) -> Option<&'static str> {
    Some(&resource(path)?.methods)
}

/// Whether the operation of this method and path reads a request body.
pub(super) fn reads_body(method: &Method, path: &str) -> bool {
    resource(path).is_some_and(|resource| resource.with_body.contains(method))
}

/// The query parameters of an operation; `None` where there is no such operation, or it takes any.
pub(super) fn query_parameters(method: &Method, path: &str) -> Option<&'static [String]> {
    let method = if method == Method::HEAD { &Method::GET } else { method };
    let (_, names) = resource(path)?.queries.iter().find(|(of, _)| of == method)?;
    Some(names)
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
    fn query_parameters_by_method_and_path() {
        let names = |method, path: &str| query_parameters(&method, path);
        assert_eq!(names(Method::GET, "/api/v1/user/me").unwrap(), [] as [String; 0]);
        assert!(names(Method::GET, "/api/v1/question/all").unwrap().contains(&"sort".to_owned()));
        assert_eq!(names(Method::HEAD, "/api/v1/question/all"), names(Method::GET, "/api/v1/question/all"));
        assert_eq!(names(Method::POST, "/api/v1/question").unwrap(), [] as [String; 0]);
        let user = "/api/v1/user/01936f3e-0000-7000-8000-000000000000";
        assert_eq!(names(Method::DELETE, user).unwrap(), ["content"]);
        assert_eq!(names(Method::GET, &format!("{user}/icon")), None);
        assert_eq!(names(Method::GET, "/api/v1/nowhere"), None);
    }

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
