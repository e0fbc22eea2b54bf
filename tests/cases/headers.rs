//! Response headers.

use ro_co_tests::{Options, Person, Reply, Request, Server};
use serde_json::json;

#[test]
fn every_answer_has_an_id_and_the_security_headers() {
    let server = Server::start();
    let ada = Person::sign_up(&server, "ada");
    let replies = [
        ("a list", ada.get("/question/all")),
        ("a problem", ada.get("/question/7")),
        ("no token", server.open("/api/v1/user/me")),
        ("nowhere", server.open("/nowhere")),
        ("a picture", ada.get(&format!("/user/{}/icon", ada.id))),
        ("health", server.open("/health/live")),
        ("the description", server.open("/openapi.json")),
        ("Swagger UI", server.open("/api.html")),
        ("too large", ada.send(&ada.request("POST", "/question").raw_json(vec![b' '; 300 << 10]))),
    ];
    let mut ids = Vec::new();
    for (what, reply) in &replies {
        ids.push(reply.header("x-request-id").unwrap_or_else(|| panic!("{what}: no X-Request-Id")));
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"), "{what}");
        assert!(reply.header("content-security-policy").is_some(), "{what}: no Content-Security-Policy");
        assert!(reply.header("referrer-policy").is_some(), "{what}: no Referrer-Policy");
        assert!(reply.header("server").is_none_or(|s| !s.contains('/')), "{what} tells the version");
    }
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), replies.len(), "each has its own id");
}

#[test]
fn a_problem_names_the_request_it_belongs_to() {
    let server = Server::start();
    let reply = server.open("/api/v1/user/me");
    let problem = reply.problem(401);
    let id = reply.header("x-request-id").unwrap();
    assert!(problem.instance.contains(id), "{} is not {id}", problem.instance);
    assert!(reply.header("www-authenticate").unwrap().starts_with("Bearer"));
}

#[test]
fn a_request_id_from_outside_is_not_echoed_into_a_header() {
    let server = Server::start();
    let reply = server.send(&Request::new("GET", "/health/live").header("X-Request-Id", "evil id; <b>"));
    assert_ne!(reply.header("x-request-id"), Some("evil id; <b>"));
}

#[test]
fn unchanged_resources_are_304() {
    let server = Server::start();
    let ada = Person::sign_up(&server, "ada");
    let id = ada.ask("Cached?");
    let answer = ada.answer(&id, "Yes.");
    // Single objects have tags too, as versions for `If-Match` (docs/adr/0006).
    for single in ["/question/".to_owned() + &id, "/answer/".to_owned() + &answer] {
        etag(&ada.get(&single).expect(200), &single);
    }
    let paths = [
        "/question/all".to_owned(),
        format!("/answer/all/{id}"),
        format!("/user/{}/icon", ada.id),
        format!("/user/{}/icon.png", ada.id),
    ];
    for path in &paths {
        let etag = etag(&ada.get(path).expect(200), path);
        let again = |tag: &str| ada.send(&ada.request("GET", path).header("If-None-Match", tag));
        let unchanged = again(&etag).expect(304);
        assert!(unchanged.body.is_empty());
        assert_eq!(unchanged.header("etag"), Some(&*etag), "{path}");
        again(&format!("\"other\", {etag}")).expect(304);
        again("\"other\"").expect(200);
    }
    let before = etag(&ada.get(&paths[0]), "the list");
    ada.ask("Another");
    let changed = ada.send(&ada.request("GET", &paths[0]).header("If-None-Match", &before));
    assert_eq!(changed.expect(200).json().as_array().unwrap().len(), 2);
}

#[test]
fn an_edit_of_what_has_changed_is_stale() {
    let server = Server::start();
    let ada = Person::sign_up(&server, "ada");
    let path = format!("/question/{}", ada.ask("One"));
    let old = etag(&ada.get(&path), &path);
    let edit = |tag: &str, title: &str| {
        ada.send(&ada.request("PUT", &path).header("If-Match", tag).json(&json!({"title": title})))
    };
    let new = etag(&edit(&old, "Two").expect(200), &path);
    assert_ne!(new, old);
    edit(&old, "Three").problem(412);
    edit("\"made up\"", "Three").problem(412);
    edit("*", "Four").expect(200);
    assert_eq!(ada.get(&path).json()["title"], "Four");
}

fn etag(reply: &Reply, what: &str) -> String {
    reply.header("etag").unwrap_or_else(|| panic!("{what}: no ETag")).to_owned()
}

#[test]
fn other_origins_are_not_allowed_by_default() {
    let server = Server::start();
    for request in [
        Request::new("GET", "/health/live").header("Origin", "https://example.org"),
        Request::new("OPTIONS", "/api/v1/question/all")
            .header("Origin", "https://example.org")
            .header("Access-Control-Request-Method", "GET"),
    ] {
        let reply = server.send(&request);
        assert!(
            reply.headers.iter().all(|(name, _)| !name.starts_with("access-control-")),
            "{:?}",
            reply.headers
        );
    }
}

#[test]
fn only_configured_origins_are_allowed() {
    let server = Server::start_with(Options::default().args(&["--cors-origin", "https://ro-co.example"]));
    let preflight = |origin: &str| {
        server.send(
            &Request::new("OPTIONS", "/api/v1/question")
                .header("Origin", origin)
                .header("Access-Control-Request-Method", "POST")
                .header("Access-Control-Request-Headers", "authorization,content-type,idempotency-key"),
        )
    };
    let ours = preflight("https://ro-co.example");
    assert!(matches!(ours.status, 200 | 204), "{}", ours.status);
    assert_eq!(ours.header("access-control-allow-origin"), Some("https://ro-co.example"));
    assert_eq!(ours.header("access-control-allow-credentials"), Some("true"));
    assert!(ours.header("access-control-max-age").is_some());
    assert_eq!(preflight("https://evil.example").header("access-control-allow-origin"), None);
    let own = server.send(&Request::new("POST", "/api/v1/auth/login").header("Origin", &server.url()));
    assert_eq!(own.problem(415).status, 415, "Swagger UI's own page says where it comes from, too");

    let simple = server.send(&Request::new("GET", "/health/live").header("Origin", "https://ro-co.example"));
    let exposed = simple.header("access-control-expose-headers").unwrap_or_default().to_ascii_lowercase();
    for name in ["link", "location", "etag", "retry-after", "x-request-id", "x-total-count"] {
        assert!(exposed.contains(name), "{name} is not exposed: {exposed}");
    }
}

#[test]
fn avatars_are_sandboxed_and_cacheable() {
    let server = Server::start();
    let ada = Person::sign_up(&server, "ada");
    let icon = ada.get(&format!("/user/{}/icon", ada.id)).expect(200);
    let policy = icon.header("content-security-policy").unwrap();
    assert!(policy.contains("default-src 'none'") && policy.contains("sandbox"), "{policy}");
    let cache = icon.header("cache-control").unwrap();
    assert_eq!(cache, "private, no-cache");
    let me = ada.get("/user/me").expect(200).json();
    let current = ada.get(me["avatarUrl"].as_str().unwrap().strip_prefix("/api/v1").unwrap()).expect(200);
    assert_eq!(current.header("cache-control"), Some("private, max-age=86400"));
}

#[test]
fn tokens_are_never_cached() {
    let server = Server::start();
    Person::sign_up(&server, "ada");
    let body = json!({"email": "ada@example.org", "password": ro_co_tests::person::PASSWORD});
    let login = server.send(&Request::new("POST", "/api/v1/auth/login").json(&body)).expect(200);
    assert_eq!(login.header("cache-control"), Some("no-store"));
}
