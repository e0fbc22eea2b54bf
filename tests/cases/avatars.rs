//! Avatars, against an avatar service that is real, dead, slow or malicious.

use std::{net::TcpListener, process::ExitCode, sync::Barrier, thread};

use ro_co_tests::{
    DiceBear, Gate, Options, Person, Reply, Server, Stub, StubResponse,
    needs::{self, Need, case},
    wait::until,
};

fn main() -> ExitCode {
    needs::main(vec![
        case("the_real_service_draws_everybody_once", &[Need::Node], real),
        case("a_dead_service_means_a_placeholder_until_it_is_back", &[Need::Node], dead),
        case("a_slow_service_holds_nobody_up", &[], slow),
        case("one_fetch_for_many_first_askers", &[], together),
        case("a_lying_service_is_not_believed", &[], lying),
        case("scripts_in_a_picture_do_not_get_through", &[], scripts),
        case("a_name_cannot_add_parameters", &[], names),
    ])
}

const ROBOT: &str = include_str!("robot.svg");

fn server_with(url: &str) -> Server {
    Server::start_with(Options::default().args(&["--avatar-source", "dicebear", "--dicebear-url", url]))
}

fn icon(person: &Person) -> Reply {
    let me = person.get("/user/me").expect(200).json();
    let reply = person.get(me["avatarUrl"].as_str().unwrap().strip_prefix("/api/v1").unwrap()).expect(200);
    assert_eq!(reply.header("content-type"), Some("image/svg+xml"));
    assert!(reply.text().starts_with("<svg"), "{:.80}", reply.text());
    reply
}

/// A placeholder is cacheable for seconds only; an avatar has a versioned URL and is cacheable for long.
fn is_placeholder(reply: &Reply) -> bool {
    let cache = reply.header("cache-control").unwrap();
    let age = cache.split("max-age=").nth(1).unwrap().split(',').next().unwrap();
    age.trim().parse::<u32>().unwrap() <= 60
}

fn real() {
    let service = DiceBear::start();
    let server = server_with(&service.url);
    let (ada, bob) = (Person::sign_up(&server, "Ada Lovelace"), Person::sign_up(&server, "bob"));
    let picture = until("the real picture", || Some(icon(&ada)).filter(|r| !is_placeholder(r)));
    assert!(picture.header("etag").is_some());
    assert_ne!(icon(&bob).body, picture.body);
    drop(service);
    assert_eq!(icon(&ada).body, picture.body, "kept, so the service is not needed again");
    let png = ada.get(&format!("/user/{}/icon.png?size=32", ada.id)).expect(200);
    assert!(png.body.starts_with(b"\x89PNG"));
}

fn dead() {
    // An unused port, where the service starts later.
    let place = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let server = server_with(&format!("http://{place}/9.x"));
    let ada = Person::sign_up(&server, "ada");
    let placeholder = icon(&ada);
    assert!(is_placeholder(&placeholder));
    let again = ada.send(&ada.request("PUT", "/user/icon")).expect(200);
    assert!(again.text().starts_with("<svg"), "a new seed is kept while the service is away");
    let service = Stub::listen(place, |_| StubResponse::ok("image/svg+xml", ROBOT));
    let picture = until("the picture to post-load", || Some(icon(&ada)).filter(|r| !is_placeholder(r)));
    assert!(picture.text().contains("#93ac23"), "{}", picture.text());
    assert!(!service.requests().is_empty());
}

fn slow() {
    let gate = Gate::default();
    let held = gate.clone();
    let service = Stub::start(move |_| {
        held.pass();
        StubResponse::ok("image/svg+xml", ROBOT)
    });
    let server = server_with(&format!("{}/9.x", service.url()));
    let ada = Person::sign_up(&server, "ada");
    // The response comes while the service is still pending.
    assert!(is_placeholder(&icon(&ada)));
    gate.open();
    until("the picture to post-load", || Some(icon(&ada)).filter(|r| !is_placeholder(r)));
}

fn together() {
    let gate = Gate::default();
    let held = gate.clone();
    let service = Stub::start(move |_| {
        held.pass();
        StubResponse::ok("image/svg+xml", ROBOT)
    });
    let server = server_with(&format!("{}/9.x", service.url()));
    let ada = Person::sign_up(&server, "ada");
    let start = Barrier::new(16);
    thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                start.wait();
                icon(&ada)
            });
        }
        until("the fetch", || (!service.requests().is_empty()).then_some(()));
        gate.open();
    });
    until("the picture", || Some(icon(&ada)).filter(|r| !is_placeholder(r)));
    assert_eq!(service.requests().len(), 1, "{:?}", service.requests());
}

fn lying() {
    let elsewhere = Stub::start(|_| StubResponse::ok("image/svg+xml", ROBOT));
    let redirect = StubResponse {
        status: "302 Found",
        headers: format!("Location: {}/9.x/bottts/svg\r\n", elsewhere.url()),
        ..StubResponse::ok("text/html", "")
    };
    let lies = [
        ("a page", StubResponse::ok("text/html", "<html>robot</html>")),
        ("another type", StubResponse::ok("image/png", ROBOT)),
        ("no svg", StubResponse::ok("image/svg+xml", "<html>robot</html>")),
        ("broken svg", StubResponse::ok("image/svg+xml", "<svg><g")),
        ("not text", StubResponse::ok("image/svg+xml", vec![0xff; 1000])),
        ("nothing", StubResponse::ok("image/svg+xml", "")),
        ("10 MB", StubResponse::ok("image/svg+xml", format!("<svg>{}</svg>", " ".repeat(10 << 20)))),
        (
            "an error",
            StubResponse { status: "500 Internal Server Error", ..StubResponse::ok("image/svg+xml", ROBOT) },
        ),
        (
            "too many",
            StubResponse { status: "429 Too Many Requests", ..StubResponse::ok("text/plain", "slow down") },
        ),
        ("a redirect", redirect),
    ];
    for (what, lie) in lies {
        let service = Stub::start(move |_| lie.clone());
        let server = server_with(&format!("{}/9.x", service.url()));
        let ada = Person::sign_up(&server, "ada");
        let shown = icon(&ada);
        assert!(is_placeholder(&shown), "{what} was believed: {:.200}", shown.text());
        assert!(!shown.text().contains("robot"), "{what}");
        until("a fetch", || (!service.requests().is_empty()).then_some(()));
        server.open("/health/ready").expect(200);
    }
    assert!(elsewhere.requests().is_empty(), "a redirect was followed");
}

fn scripts() {
    let service = Stub::start(|_| StubResponse::ok("image/svg+xml", include_str!("hostile.svg")));
    let server = server_with(&format!("{}/9.x", service.url()));
    let ada = Person::sign_up(&server, "ada");
    // Rejected or sanitised: none of this may be in the response.
    for reply in [icon(&ada), icon(&ada)] {
        let shown = reply.text().to_lowercase();
        for bad in ["alert", "<script", "onload", "onclick", "javascript:", "evil.example", "foreignobject"] {
            assert!(!shown.contains(bad), "{bad} came through: {shown}");
        }
    }
    ada.get(&format!("/user/{}/icon.png", ada.id)).expect(200);
}

fn names() {
    let service = Stub::start(|_| StubResponse::ok("image/svg+xml", ROBOT));
    let server = server_with(&format!("{}/9.x", service.url()));
    for name in ["Ada Lovelace", "a.b_c-d", "李小龍"] {
        icon(&Person::sign_up(&server, name));
    }
    let requests = service.requests();
    assert_eq!(requests.len(), 3);
    for request in requests {
        let (path, query) = request.path.split_once('?').unwrap();
        assert_eq!((&*request.method, path), ("GET", "/9.x/bottts/svg"));
        let mut names: Vec<_> = query.split('&').map(|pair| pair.split('=').next().unwrap()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), query.split('&').count(), "a parameter twice: {query}");
        assert!(names.contains(&"seed") && request.path.is_ascii(), "{query}");
    }
}
