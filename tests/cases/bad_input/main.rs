//! Invalid input of every kind: the documented status, a valid problem document, nothing stored, server alive.

mod http;

use ro_co_tests::{Person, Reply, Request, Server, person::PASSWORD};
use serde_json::{Value, json};

/// Runs a case on a fresh server, then checks that the server is healthy and stored nothing.
fn with_server(check: impl FnOnce(&Server, &Person)) {
    let server = Server::start();
    let ada = Person::sign_up(&server, "ada");
    let question = ada.ask("The only question");
    check(&server, &ada);
    let stored = ada.questions();
    assert_eq!(stored.len(), 1, "something was stored: {stored:?}");
    assert_eq!((&stored[0]["id"], &stored[0]["title"]), (&json!(question), &json!("The only question")));
    assert_eq!(ada.get(&format!("/answer/all/{question}")).json(), json!([]));
    assert!(!server.log().contains("panicked"), "{}", server.log());
    server.open("/health/ready").expect(200);
}

fn sign_up(server: &Server, body: &Value) -> Reply {
    server.send(&Request::new("POST", "/api/v1/auth/signup").json(body))
}

#[test]
fn bodies_that_are_not_json() {
    with_server(|_, ada| {
        let bodies: [&[u8]; 9] = [
            b"",
            b"{",
            b"{\"title\": }",
            b"[]",
            b"null",
            b"\"title\"",
            b"{\"title\": \"x\"} trailing",
            b"{\"title\": \"\xff\xfe\"}",
            b"{\"title\": \"\\ud800\"}",
        ];
        for body in bodies {
            let problem = ada.send(&ada.request("POST", "/question").raw_json(body)).problem(400);
            assert_eq!(problem.errors, [], "no field is to blame for {}", String::from_utf8_lossy(body));
        }
        let deep = "[".repeat(100_000);
        ada.send(&ada.request("POST", "/question").raw_json(format!("{{\"title\": {deep}"))).problem(400);
    });
}

#[test]
fn bodies_that_do_not_say_they_are_json() {
    with_server(|_, ada| {
        let body = json!({"title": "x"}).to_string();
        let plain = ada.request("POST", "/question").header("Content-Type", "text/plain").body(body.clone());
        ada.send(&plain).problem(415);
        let untold = ada.send(&ada.request("POST", "/question").body(body));
        assert!(matches!(untold.status, 400 | 415), "{}", untold.text());
        untold.problem(untold.status);
    });
}

#[test]
fn fields_nobody_knows() {
    with_server(|server, ada| {
        let extra = json!({"title": "x", "tilte": "y", "colour": 1});
        assert_eq!(ada.post("/question", &extra).wrong_fields(400), ["colour", "tilte"]);
        let code = ada.post("/question", &extra).json()["code"].clone();
        assert_eq!(code, "unknown_field");
        let body =
            json!({"username": "eve", "email": "eve@example.org", "password": PASSWORD, "role": "ADMIN"});
        assert_eq!(sign_up(server, &body).wrong_fields(400), ["role"]);
    });
}

#[test]
fn every_wrong_field_at_once() {
    with_server(|server, ada| {
        let signup = json!({"username": "ab", "email": "ada", "password": "short"});
        assert_eq!(sign_up(server, &signup).wrong_fields(400), ["email", "password", "username"]);
        let wrong_types = json!({"username": 7, "email": null, "password": ["x"]});
        assert_eq!(sign_up(server, &wrong_types).wrong_fields(400), ["email", "password", "username"]);
        assert_eq!(sign_up(server, &json!({})).wrong_fields(400), ["email", "password", "username"]);
        let question = json!({"title": "", "description": {"a": 1}, "authorId": "me"});
        assert_eq!(ada.post("/question", &question).wrong_fields(400), ["authorId", "description", "title"]);
        let answer = json!({"description": false, "questionID": 12});
        assert_eq!(ada.post("/answer", &answer).wrong_fields(400), ["description", "questionID"]);
        let id = ada.questions()[0]["id"].as_str().unwrap().to_owned();
        let status = ada.put(&format!("/question/{id}/status"), &json!({"answered": "yes"}));
        assert_eq!(status.wrong_fields(400), ["answered"]);
    });
}

#[test]
fn control_characters_in_any_text() {
    with_server(|server, ada| {
        let id = ada.questions()[0]["id"].as_str().unwrap().to_owned();
        for bad in ["a\0b", "\u{1b}[2Jhello", "bell\u{7}", "c1 \u{9b}31m", "del\u{7f}"] {
            let question = json!({"title": bad, "description": bad});
            assert_eq!(
                ada.post("/question", &question).wrong_fields(400),
                ["description", "title"],
                "{bad:?}"
            );
            let edit = ada.put(&format!("/question/{id}"), &question);
            assert_eq!(edit.wrong_fields(400), ["description", "title"], "{bad:?}");
            let answer = json!({"description": bad, "questionID": id});
            assert_eq!(ada.post("/answer", &answer).wrong_fields(400), ["description"], "{bad:?}");
            let body = json!({"username": bad, "email": format!("{bad}@example.org"), "password": PASSWORD});
            assert_eq!(sign_up(server, &body).wrong_fields(400), ["email", "username"], "{bad:?}");
            assert_eq!(
                ada.put("/user", &json!({"username": bad})).wrong_fields(400),
                ["username"],
                "{bad:?}"
            );
        }
        assert_eq!(ada.get("/user/me").json()["username"], "ada");
        for title in ["two\nlines", "two\r\nlines", "two\rlines"] {
            assert_eq!(
                ada.post("/question", &json!({"title": title})).wrong_fields(400),
                ["title"],
                "{title:?}"
            );
        }
    });
}

#[test]
fn texts_that_are_too_long_by_one() {
    with_server(|_, ada| {
        let title = json!({"title": "é".repeat(256)});
        assert_eq!(ada.post("/question", &title).wrong_fields(400), ["title"]);
        let description = json!({"title": "x", "description": "😀".repeat(10_001)});
        assert_eq!(ada.post("/question", &description).wrong_fields(400), ["description"]);
        // The limit applies to the value as sent, before trimming.
        for title in [format!("{} ", "x".repeat(255)), format!("x{}", " ".repeat(255))] {
            assert_eq!(ada.post("/question", &json!({"title": title})).wrong_fields(400), ["title"]);
        }
        let newlines = json!({"title": "x", "description": format!("{}\r\n", "x".repeat(9_999))});
        assert_eq!(ada.post("/question", &newlines).wrong_fields(400), ["description"]);
        let blank = json!({"title": "   ", "description": " \n "});
        assert_eq!(ada.post("/question", &blank).wrong_fields(400), ["description", "title"]);
    });
}

#[test]
fn texts_that_are_as_long_as_allowed() {
    let server = Server::start();
    let ada = Person::sign_up(&server, "ada");
    let emoji = "😀".repeat(10_000);
    let title = "é".repeat(255);
    // The longest JSON encoding: an escaped surrogate pair per character.
    let body =
        format!("{{\"title\": \"{title}\", \"description\": \"{}\"}}", "\\ud83d\\ude00".repeat(10_000));
    let question = ada.send(&ada.request("POST", "/question").raw_json(body)).expect(201).json();
    assert_eq!(
        (question["title"].as_str(), question["description"].as_str()),
        (Some(&*title), Some(&*emoji))
    );
}

#[test]
fn ids_that_are_not_ids() {
    with_server(|_, ada| {
        let missing = "01936f3e-0000-7000-8000-000000000000";
        for bad in ["1", "-1", "x", "%00", "%1b%5b2J", "..%2f..", "01936f3e", &"a".repeat(5_000)] {
            for (method, path) in [
                ("GET", "/question/"),
                ("DELETE", "/question/"),
                ("GET", "/answer/"),
                ("GET", "/answer/all/"),
                ("GET", "/user/"),
            ] {
                let reply = ada.send(&ada.request(method, &format!("{path}{bad}")));
                assert!(matches!(reply.status, 400 | 404), "{method} {path}{bad:.40}: {}", reply.text());
                reply.problem(reply.status);
            }
        }
        assert_eq!(ada.get("/question/7").wrong_fields(400).len(), 1, "an id that is none is named");
        ada.get(&format!("/question/{missing}")).problem(404);
        ada.put(&format!("/question/{missing}"), &json!({"title": "x"})).problem(404);
        ada.delete(&format!("/question/{missing}")).problem(404);
        let orphan = json!({"description": "To nobody", "questionID": missing});
        ada.post("/answer", &orphan).problem(404);
    });
}

#[test]
fn pages_that_are_not_pages() {
    with_server(|_, ada| {
        let id = ada.questions()[0]["id"].as_str().unwrap().to_owned();
        for list in ["/question/all".to_owned(), format!("/answer/all/{id}")] {
            for bad in ["-1", "1.5", "x", "", "99999999999999999999", "%00", "1%202"] {
                assert_eq!(ada.get(&format!("{list}?page={bad}")).wrong_fields(400), ["page"], "{bad:?}");
            }
            for bad in ["0", "101", "-1", "ten", ""] {
                assert_eq!(ada.get(&format!("{list}?size={bad}")).wrong_fields(400), ["size"], "{bad:?}");
            }
            assert_eq!(ada.get(&format!("{list}?page=-1&size=0")).wrong_fields(400), ["page", "size"]);
            for deep in ["1001", "1000000"] {
                assert_eq!(ada.get(&format!("{list}?page={deep}")).wrong_fields(400), ["page"], "{deep}");
            }
            assert_eq!(ada.get(&format!("{list}?page=1000")).expect(200).json(), json!([]));
        }
    });
}

#[test]
fn cursors_that_were_tampered_with() {
    let server = Server::start();
    let ada = Person::sign_up(&server, "ada");
    for n in 0..3 {
        ada.ask(&format!("Question {n}"));
    }
    let link = ada.get("/question/all?size=1").expect(200).header("link").unwrap().to_owned();
    let cursor = link.split("cursor=").nth(1).unwrap().split(['&', '>']).next().unwrap().to_owned();
    let flipped: String = cursor.chars().rev().collect();
    for bad in
        ["x", "", "AAAA", "%00", "é", &flipped, &cursor[1..], &format!("{cursor}A"), &"A".repeat(8_000)]
    {
        let reply = ada.get(&format!("/question/all?cursor={bad}"));
        assert_eq!(reply.wrong_fields(400), ["cursor"], "{bad:.40}");
    }
    assert_eq!(
        ada.get(&format!("/question/all?cursor={cursor}")).expect(200).json().as_array().unwrap().len(),
        2
    );
}

#[test]
fn addresses_names_and_passwords() {
    with_server(|server, _| {
        let with = |field: &str, value: &str| {
            let mut body = json!({"username": "eve", "email": "eve@example.org", "password": PASSWORD});
            body[field] = json!(value);
            sign_up(server, &body)
        };
        for bad in ["eve", "eve@", "@example.org", "eve@@example.org", "eve@example", "e ve@example.org"] {
            assert_eq!(with("email", bad).wrong_fields(400), ["email"], "{bad:?}");
        }
        for bad in ["9 letters", "password12", "aaaaaaaaaaaaaaaa", "eve@example.org", &"x7 ".repeat(43)] {
            assert_eq!(with("password", bad).wrong_fields(400), ["password"], "{bad:.40}");
        }
        for bad in ["ev", " eve", "eve ", "e\u{202e}ve", "<eve>", &"e".repeat(65)] {
            assert_eq!(with("username", bad).wrong_fields(400), ["username"], "{bad:.40}");
        }
        for taken in ["ADA", "aDa", "\u{ff41}\u{ff44}\u{ff41}"] {
            assert_eq!(with("username", taken).wrong_fields(409), ["username"], "{taken}");
        }
        assert_eq!(with("email", "ADA@EXAMPLE.ORG").wrong_fields(409), ["email"]);
        let both = json!({"username": "Ada", "email": "Ada@example.org", "password": PASSWORD});
        assert_eq!(sign_up(server, &both).wrong_fields(409), ["email", "username"]);
        with("username", "eve").expect(201);
    });
}

#[test]
fn a_password_of_ten_thousand_characters() {
    with_server(|server, _| {
        let long = "correct horse ".repeat(715)[..10_000].to_owned();
        let body = json!({"username": "eve", "email": "eve@example.org", "password": long});
        assert_eq!(sign_up(server, &body).wrong_fields(400), ["password"]);
        let login = json!({"email": "ada@example.org", "password": long});
        server.send(&Request::new("POST", "/api/v1/auth/login").json(&login)).problem(401);
    });
}

#[test]
fn a_name_check_with_a_name_that_cannot_be() {
    with_server(|server, _| {
        for bad in ["", "ab", "%00abc", "%1b%5b31m", "%ff%fe%fd", &"a".repeat(2_000)] {
            let path = format!("/api/v1/auth/signup/username?username={bad}");
            assert_eq!(server.open(&path).wrong_fields(400), ["username"], "{bad:.40}");
        }
        assert_eq!(server.open("/api/v1/auth/signup/username").wrong_fields(400), ["username"]);
    });
}
