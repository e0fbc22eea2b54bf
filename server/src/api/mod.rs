//! HTTP in, HTTP out: the operations, and the document that describes them.

mod allow;
mod answers;
mod auth;
mod cursor;
mod estimate;
mod header;
mod icons;
mod json_object;
mod listing;
mod pages;
pub mod payload;
mod posts;
mod questions;
mod route;
mod spec;
mod system;
mod users;

use std::sync::Arc;

use poem::{EndpointExt, IntoEndpoint, Request, Route};
use poem_openapi::{ContactObject, LicenseObject, OpenApiService, Tags};
use ro_co_shared::{API_PATH, Author, QuestionId, Timestamp};

pub(crate) use allow::allowed;
pub(crate) use route::template;
pub use spec::spec;

use crate::{
    admission::OperationNeeds,
    avatar::avatar_url,
    base_path::BasePath,
    keys::Keys,
    query::KnownParameters,
    store::{self, Order, QuestionFilter, SortKey},
};

/// The groups the document shows.
#[derive(Tags)]
enum Tag {
    /// Signing up, in and out; refreshing tokens.
    Auth,
    /// Users, their names, passwords and pictures.
    Users,
    /// Questions.
    Questions,
    /// Answers.
    Answers,
    /// Whether the server is well.
    System,
}

type Api = (auth::Auth, users::Users, icons::Icons, questions::Questions, answers::Answers, system::System);

fn service() -> OpenApiService<Api, ()> {
    let api =
        (auth::Auth, users::Users, icons::Icons, questions::Questions, answers::Answers, system::System);
    OpenApiService::new(api, "Ro-Co", env!("CARGO_PKG_VERSION"))
        .description(DESCRIPTION)
        .license(LicenseObject::new("MIT").url("https://opensource.org/license/mit"))
        .contact(ContactObject::new().name("Ro-Co").url(env!("CARGO_PKG_REPOSITORY")))
        .server("/")
}

const DESCRIPTION: &str = "A question-and-answer community of students. Sign up, log in, and send the access token \
as `Authorization: Bearer` with everything else; when it expires, `refresh` gives a new one. Every error is an \
`application/problem+json` document whose `code` is stable. Creating with an `Idempotency-Key` may be repeated safely. \
Clients over a rate limit get 429 with `Retry-After` in seconds.";

/// All routes: the operations, the document and its page.
pub fn routes(base_path: &BasePath) -> Route {
    let api = Arc::new(service().into_endpoint().before(async |request: Request| Ok(with_needs(request))));
    let checked = Arc::clone(&api).before(async |request: Request| Ok(with_known_parameters(request)));
    pages::add(Route::new().nest_no_strip(API_PATH, checked).nest_no_strip("/health", api), base_path)
}

/// Tells the extractors, which admit the request once they know who asks, what its operation needs.
fn with_needs(mut request: Request) -> Request {
    let uri = request.uri();
    let needs = OperationNeeds {
        reads_body: allow::reads_body(request.method(), uri.path()),
        response_bytes: estimate::response_estimate(uri.path(), uri.query()),
    };
    request.extensions_mut().insert(needs);
    request
}

/// Tells the extractors, which check the query once they know who asks, what parameters there may be.
fn with_known_parameters(mut request: Request) -> Request {
    if request.uri().query().is_some()
        && let Some(names) = allow::query_parameters(request.method(), request.uri().path())
    {
        request.extensions_mut().insert(KnownParameters(names));
    }
    request
}

/// The cursor of a question in the list of questions, as its `Link` header would carry it.
pub fn question_cursor(keys: &Keys, created_at: Timestamp, id: QuestionId) -> String {
    questions::list_of(QuestionFilter::default(), Order::Newest).seal(keys, SortKey { created_at, id: id.0 })
}

/// An author as readers see them.
fn shown_author(author: store::AuthorSummary, base_path: &BasePath) -> Author {
    Author {
        avatar_url: avatar_url(base_path, author.id, author.avatar_version),
        id: author.id,
        username: author.username,
    }
}

#[cfg(test)]
mod tests {
    use poem::http::Method;

    use super::*;

    #[test]
    fn an_operation_needs_what_its_method_path_and_query_say() {
        let needs = |method: Method, uri: &str| {
            let request = with_needs(Request::builder().method(method).uri_str(uri).finish());
            *request.extensions().get::<OperationNeeds>().unwrap()
        };
        assert!(needs(Method::POST, "/api/v1/question").reads_body);
        let [small, large] = ["1", "100"]
            .map(|size| needs(Method::GET, &format!("/api/v1/question/all?size={size}&sort=oldest")));
        assert!(!large.reads_body && 40 * small.response_bytes < large.response_bytes);
        assert!(needs(Method::GET, "/health/live").response_bytes < small.response_bytes);
    }
}
