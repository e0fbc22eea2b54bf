//! The document, and the pages for people with a browser.

use std::sync::{Arc, OnceLock};

use base64::{Engine, prelude::BASE64_STANDARD};
use hyper::body::Bytes;
use poem::{
    EndpointExt, IntoResponse, Request, Response, Route, get, handler,
    http::{StatusCode, header},
    web::Data,
};
use poem_openapi::OpenApiService;
use ro_co_shared::Code;

use super::{
    payload::{header_value, matches_tag},
    spec::spec_below,
};
use crate::{app::App, base_path::BasePath, error::ApiError, keys::sha256};

/// Adds the document and the pages, with URLs below the base path.
pub(super) fn add(route: Route, base_path: &BasePath) -> Route {
    let pages = Arc::new(Pages { base_path: base_path.clone(), ..Pages::default() });
    route
        .at("/", get(root).data(Arc::clone(&pages)))
        .at("/openapi.json", get(document).data(Arc::clone(&pages)))
        .at("/api.html", get(swagger).data(pages))
}

/// The texts of one server, each made when it is first asked for.
#[derive(Default)]
struct Pages {
    base_path: BasePath,
    /// The document with its entity tag.
    document: OnceLock<(Bytes, String)>,
    /// Swagger UI with its content security policy.
    swagger: OnceLock<(Bytes, String)>,
}

impl Pages {
    fn document(&self) -> &(Bytes, String) {
        self.document.get_or_init(|| {
            let text = spec_below(&self.base_path);
            let tag = format!("\"{}\"", BASE64_STANDARD.encode(&sha256(text.as_bytes())[..15]));
            (text.into(), tag)
        })
    }

    /// Swagger UI with the policy that lets its own scripts run and nothing else.
    fn swagger(&self) -> &(Bytes, String) {
        self.swagger.get_or_init(|| {
            // The page of an empty API, told to read the document from the server: the generated page would carry the
            // document as it was before `spec` made it exact.
            let page = OpenApiService::new((), "Ro-Co", env!("CARGO_PKG_VERSION")).swagger_ui_html();
            let settings = format!(
                "url: '{}/openapi.json', persistAuthorization: true, tryItOutEnabled: true, \
                 displayRequestDuration: true,",
                self.base_path
            );
            let page = page.replace("spec: spec,", &settings);
            let policy = swagger_policy(&page);
            (format!("<!doctype html>{}", page.trim_start()).into(), policy)
        })
    }
}

fn swagger_policy(page: &str) -> String {
    let hashes: Vec<String> = scripts(page)
        .map(|script| format!("'sha256-{}'", BASE64_STANDARD.encode(sha256(script.as_bytes()))))
        .collect();
    format!(
        "default-src 'none'; script-src {}; style-src 'unsafe-inline'; img-src 'self' data: blob:; \
         connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
        hashes.join(" ")
    )
}

/// What stands between `<script ...>` and `</script>`. A script may hold the text `<script` itself, so what follows a
/// script is looked for behind its end only.
fn scripts(page: &str) -> impl Iterator<Item = &str> {
    let mut rest = page;
    std::iter::from_fn(move || {
        let (_, tag) = rest.split_once("<script")?;
        let (script, behind) = tag.split_once('>')?.1.split_once("</script>")?;
        rest = behind;
        Some(script)
    })
}

#[handler]
fn root(Data(pages): Data<&Arc<Pages>>) -> Response {
    let base_path = &pages.base_path;
    let link = format!("<{base_path}/openapi.json>; rel=\"service-desc\"; type=\"application/json\"");
    Response::builder().content_type("text/html; charset=utf-8").header(header::LINK, link).body(format!(
        "<!doctype html><html lang=\"en\"><title>Ro-Co</title><h1>Ro-Co</h1>\
         <p>A question-and-answer community for people who live in a terminal. This is its server; \
         the client is <code>ro-co</code>.</p>\
         <p>For scripts: <a href=\"{base_path}/openapi.json\">openapi.json</a>. To try it here: \
         <a href=\"{base_path}/api.html\">Swagger UI</a>.</p></html>",
    ))
}

#[handler]
fn document(request: &Request, Data(pages): Data<&Arc<Pages>>) -> Response {
    let (text, tag) = pages.document();
    let mut response = if matches_tag(request.header(header::IF_NONE_MATCH), tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        Response::builder().content_type("application/json").body(text.clone())
    };
    response.headers_mut().insert(header::ETAG, header_value(tag));
    response.headers_mut().insert(header::CACHE_CONTROL, header_value("public, no-cache"));
    response
}

#[handler]
fn swagger(Data(app): Data<&Arc<App>>, Data(pages): Data<&Arc<Pages>>) -> Response {
    if !app.settings.docs {
        return ApiError::new(Code::NotFound, "the documentation page is off; --docs turns it on")
            .into_response();
    }
    let (page, policy) = pages.swagger();
    Response::builder()
        .content_type("text/html; charset=utf-8")
        .header(header::CONTENT_SECURITY_POLICY, policy)
        .header(header::CACHE_CONTROL, "no-cache")
        .body(page.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_that_speaks_of_scripts_is_one_script() {
        let page = "<body><script charset=\"x\">w('<script src=y>')</script>text<script>2</script></body>";
        assert_eq!(scripts(page).collect::<Vec<_>>(), ["w('<script src=y>')", "2"]);
    }
}
