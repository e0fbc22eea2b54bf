//! Requests as they go out, and answers of all kinds.

use ro_co_shared::{AnswerText, QuestionId, QuestionText, UserId};

use super::*;

fn question_text(title: &str, description: Option<&str>) -> QuestionText {
    QuestionText {
        title: title.parse().unwrap(),
        description: description.map(|description| description.parse().unwrap()),
    }
}

#[tokio::test]
async fn reads_are_tried_twice_and_creates_under_the_same_key() {
    let (stub, _home, api) = signed_in(|_| StubAnswer::HangUp).await;
    let id = QuestionId::new();
    assert!(matches!(api.question(id).await, Err(Failure::Offline(_))));
    assert_eq!(stub.count("GET "), 2);
    assert!(matches!(api.ask(question_text("Why?", None), "the-key").await, Err(Failure::Offline(_))));
    let asked: Vec<_> = stub.seen().into_iter().filter(|seen| seen.line == "POST /api/v1/question").collect();
    assert_eq!(asked.len(), 2);
    for seen in asked {
        assert_eq!(seen.header("idempotency-key"), Some("the-key"));
        assert_eq!(seen.body, r#"{"title":"Why?"}"#, "what is not there is left out");
    }
    assert!(matches!(api.delete_question(id).await, Err(Failure::Offline(_))));
    assert!(matches!(
        api.edit_question(id, question_text("x", None), Some("\"1\"")).await,
        Err(Failure::Offline(_))
    ));
    assert_eq!((stub.count("DELETE "), stub.count("PUT ")), (1, 1), "these might have been done");
}

#[tokio::test]
async fn nobody_listens() {
    let stub = Stub::start(|_| StubAnswer::HangUp).await;
    let origin = Origin::local(stub.address, None);
    drop(stub);
    let api = Api::new(origin.clone(), Home::new().tokens()).unwrap();
    match api.name_free("ada").await.unwrap_err() {
        Failure::Offline(why) => {
            assert_eq!(why.as_str(), format!("the server does not answer at {origin}"));
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn pages_follow_the_cursor_as_it_came() {
    let (stub, _home, api) = signed_in(|seen| {
        let page = json(200, "[]");
        if seen.line.contains("cursor") {
            page
        } else {
            page.with("link", r#"</api/v1/question/all?size=50&cursor=a-_%2B%26=>; rel="next""#)
        }
    })
    .await;
    let first = api.questions(None).await.unwrap();
    let next = first.next.unwrap();
    assert_eq!(next, "a-_+&=");
    assert_eq!(api.questions(Some(&next)).await.unwrap().next, None);
    assert_eq!(stub.seen().last().unwrap().line, "GET /api/v1/question/all?size=50&cursor=a-_%2B%26%3D");
}

#[tokio::test]
async fn everything_is_requested_below_the_servers_path() {
    let picture = format!("/roco/api/v1/user/{ID}/icon?v=3");
    let stub = Stub::start(|seen| match seen.line.as_str() {
        "POST /roco/api/v1/auth/login" => login(ID, 1, HOUR),
        line if line.contains("/question/all") => {
            json(200, "[]").with("link", r#"</roco/api/v1/question/all?size=50&cursor=abc>; rel="next""#)
        }
        _ => typed(200, "image/png", "png"),
    })
    .await;
    let origin = Origin::parse(&format!("http://{}/roco/", stub.address), false).unwrap();
    let api = Api::new(origin, Home::new().tokens()).unwrap();
    api.login("ada@example.org", "x").await.unwrap();
    let next = api.questions(None).await.unwrap().next.unwrap();
    api.questions(Some(&next)).await.unwrap();
    api.avatar(&picture, 64).await.unwrap();
    let lines: Vec<_> = stub.seen().into_iter().map(|seen| seen.line).collect();
    assert_eq!(
        lines,
        [
            "POST /roco/api/v1/auth/login".to_owned(),
            "GET /roco/api/v1/question/all?size=50".to_owned(),
            "GET /roco/api/v1/question/all?size=50&cursor=abc".to_owned(),
            format!("GET /roco/api/v1/user/{ID}/icon.png?size=64&v=3"),
        ]
    );
}

#[tokio::test]
async fn a_redirect_below_a_path_names_servers_only() {
    for (location, named) in [
        ("/login", None),
        ("https://ro-co.example/other/api/v1/user/me", Some("https://ro-co.example/other")),
        ("https://portal.example/login", Some("https://portal.example")),
    ] {
        let stub = Stub::start(move |_| typed(302, "text/html", "").with("location", location)).await;
        let origin = Origin::parse(&format!("http://{}/roco", stub.address), false).unwrap();
        let api = Api::new(origin, Home::new().tokens()).unwrap();
        let Failure::Foreign(why) = api.name_free("ada").await.unwrap_err() else { panic!("{location}") };
        let found = why.as_str().split_once("--server ").map(|(_, server)| server);
        assert_eq!(found, named, "{why}");
    }
}

#[tokio::test]
async fn versions_go_back_as_they_came() {
    let question = format!(
        r#"{{"id":"{ID}","title":"Why?","createdAt":"2026-11-22T13:22:07.123Z","updatedAt":"2026-11-22T13:22:07.123Z",
        "answered":false,"answerCount":0,"author":{{"id":"{ID}","username":"ada","avatarUrl":"/x"}}}}"#
    );
    let (stub, _home, api) = signed_in(move |_| json(200, question.clone()).with("etag", r#"W/"7""#)).await;
    let read = api.question(ID.parse().unwrap()).await.unwrap();
    let text = question_text("Why not?", Some("Because."));
    api.edit_question(read.value.id, text, read.etag.as_deref()).await.unwrap();
    let put = stub.seen().pop().unwrap();
    assert_eq!(put.header("if-match"), Some(r#"W/"7""#));
    assert_eq!(put.body, r#"{"title":"Why not?","description":"Because."}"#);
}

#[tokio::test]
async fn garbage_is_broken_and_never_shown() {
    let deep = "[".repeat(200_000);
    let endless = format!(r#"{{"id":"{}"}}"#, "x".repeat(9 << 20));
    for body in ["", "null", "[", "{\"id\":7}", "\u{0}", "<html><script>", deep.as_str(), endless.as_str()] {
        let said = body.to_owned();
        let (_stub, _home, api) = signed_in(move |_| json(200, said.clone())).await;
        match api.me().await.unwrap_err() {
            Failure::Broken(why) => {
                assert!(why.as_str().len() < 80 && !why.as_str().contains("html"), "{why}");
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn what_answers_in_place_of_the_server_is_told_from_it() {
    for (answer, text) in [
        (typed(200, "text/html; charset=utf-8", "<html>Sign in to this network</html>"), "HTTP 200"),
        (typed(401, "text/html", "<html>Sign in to this network</html>"), "HTTP 401"),
        (json(401, r#"{"error":"no"}"#), "HTTP 401"),
        (typed(500, "text/html", "<html>stack trace</html>"), "HTTP 500"),
        (typed(502, "text/plain", "Bad Gateway"), "HTTP 502"),
        (typed(302, "text/html", "").with("location", "/login"), "HTTP 302"),
        (
            typed(301, "text/html", "").with("location", "https://ro-co.example/roco/api/v1/user/me?x=1"),
            "redirects to https://ro-co.example/roco: start with --server https://ro-co.example/roco",
        ),
    ] {
        let (stub, home, api) = signed_in(move |_| answer.clone()).await;
        let Failure::Foreign(why) = api.me().await.unwrap_err() else { panic!("{text}") };
        assert!(why.as_str().contains(text), "{why}");
        assert!(!why.as_str().contains("trace") && why.as_str().contains("http://127.0.0.1"), "{why}");
        assert!(matches!(api.new_avatar().await, Err(Failure::Foreign(_))), "nor is it taken for done");
        assert_eq!(stub.count("POST /api/v1/auth/refresh"), 1, "and the token is not at fault");
        assert!(home.token().await.is_some());
    }
}

#[tokio::test]
async fn hostile_texts_arrive_clean() {
    let (_stub, _home, api) = signed_in(|_| {
        let mut problem = ro_co_shared::Problem::new(Code::Invalid, "\u{1b}]52;c;cm0gLXJm\u{7}");
        problem.errors.push(ro_co_shared::FieldError {
            field: "ti\u{202e}tle".into(),
            message: "a\u{9b}31mb\nc".into(),
        });
        said(400, serde_json::to_string(&problem).unwrap())
    })
    .await;
    let Failure::Problem(problem) = api.me().await.unwrap_err() else { panic!("a problem is expected") };
    assert_eq!(problem.errors[0].field, "title");
    assert_eq!(problem.errors[0].message, "a\u{FFFD}31mb c");
    assert!(!problem.detail.contains(char::is_control));
}

#[tokio::test]
async fn answers_that_are_no_http() {
    for raw in [
        b"\xff\xfe\x00".to_vec(),
        b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n{\"id\":".to_vec(),
        [b"HTTP/1.1 200 OK\r\nx: ".to_vec(), vec![b'a'; 1 << 20]].concat(),
        b"HTTP/1.1 200 OK\r\nx\x00y: z\r\n\r\n".to_vec(),
    ] {
        let (_stub, _home, api) = signed_in(move |_| StubAnswer::Raw(raw.clone())).await;
        assert!(matches!(api.me().await.unwrap_err(), Failure::Offline(_)));
    }
}

#[tokio::test]
async fn a_day_of_retry_after_is_cut_to_a_quarter_of_an_hour() {
    for (header, seconds) in [("86400", 900), ("-1", 1), ("soon", 1), ("0", 1), ("12", 12)] {
        let (_stub, _home, api) =
            signed_in(move |_| problem(Code::TooManyRequests).with("retry-after", header)).await;
        let Failure::Busy { retry_after, .. } = api.me().await.unwrap_err() else {
            panic!("busy is expected")
        };
        assert_eq!(retry_after.as_secs(), seconds, "{header}");
    }
}

#[tokio::test]
async fn pictures_are_fetched_by_id_and_have_a_limit() {
    let (stub, _home, api) = signed_in(|seen| {
        if seen.line.contains("size=64") { json(200, "PNG") } else { json(200, "x".repeat((1 << 20) + 1)) }
    })
    .await;
    let url = format!("/api/v1/user/{}/icon?v=3", UserId::DELETED);
    assert_eq!(api.avatar(&url, 64).await.unwrap(), Fetched { png: b"PNG".to_vec(), good_for: None });
    assert!(stub.seen().last().unwrap().line.ends_with("/icon.png?size=64&v=3"));
    assert!(matches!(api.avatar(&url, 128).await.unwrap_err(), Failure::Broken(_)));
    assert!(matches!(api.avatar("https://evil.example/", 64).await.unwrap_err(), Failure::Broken(_)));
}

/// The server recognises a repeated create by the bytes of its body: they stay what earlier releases sent.
#[tokio::test]
async fn the_json_of_a_create_is_byte_for_byte_what_it_was() {
    let (stub, _home, api) = signed_in(|_| StubAnswer::HangUp).await;
    let text = question_text(" Why “ü” & \"\\\"? ", Some("a\r\n\tb 🙂 </script>"));
    api.ask(text, "k1").await.unwrap_err();
    let body = AnswerText { description: "So:\n\t\"ü\"".parse().unwrap() };
    api.answer(ID.parse().unwrap(), body, "k2").await.unwrap_err();
    let sent = |line: &str| stub.seen().into_iter().find(|seen| seen.line == line).unwrap().body;
    assert_eq!(
        sent("POST /api/v1/question"),
        r#"{"title":"Why “ü” & \"\\\"?","description":"a\n\tb 🙂 </script>"}"#
    );
    assert_eq!(
        sent("POST /api/v1/answer"),
        format!(r#"{{"description":"So:\n\t\"ü\"","questionID":"{ID}"}}"#)
    );
}
