//! User journeys over HTTP.

use ro_co_tests::{Person, Request, Server, person::PASSWORD, wait::until};
use serde_json::{Value, json};

#[test]
fn signing_up_and_in() {
    let server = Server::start();
    let free = "/api/v1/auth/signup/username?username=Ada%20Lovelace";
    assert!(server.open(free).expect(200).body.is_empty());

    let body =
        json!({"username": "Ada Lovelace", "email": "Ada.L+uni@stud.th-rosenheim.de", "password": PASSWORD});
    let reply = server.send(&Request::new("POST", "/api/v1/auth/signup").json(&body)).expect(201);
    let user = reply.json();
    let id = user["id"].as_str().unwrap();
    assert_eq!(reply.header("location"), Some(&*format!("/api/v1/user/{id}")));
    assert_eq!(user["email"], "Ada.L+uni@stud.th-rosenheim.de", "shown as typed");
    assert_eq!(user["role"], "USER");
    assert!(!reply.text().contains("marbles") && !reply.text().contains("null"), "{}", reply.text());
    assert_eq!(server.open(free).problem(409).code.status(), 409);

    let ada = Person::sign_in(&server, "ADA.L+UNI@stud.th-rosenheim.de");
    assert_eq!(ada.id, id);
    assert_eq!(ada.get("/user/me").expect(200).json(), user);
    let seen_by_bob = Person::sign_up(&server, "bob").get(&format!("/user/{id}")).expect(200).json();
    let mut seen = fields(&seen_by_bob);
    // The order of an object's members is unspecified.
    seen.sort_unstable();
    assert_eq!(seen, ["avatarUrl", "id", "username"]);
}

#[test]
fn the_login_response() {
    let server = Server::start();
    Person::sign_up(&server, "ada");
    let login = |password: &str, email: &str| {
        let body = json!({"email": email, "password": password});
        server.send(&Request::new("POST", "/api/v1/auth/login").json(&body))
    };
    let good = login(PASSWORD, "ada@example.org").expect(200).json();
    for field in ["id", "username", "avatarUrl", "email", "role", "token", "refreshToken"] {
        assert!(good[field].is_string(), "{field} is missing: {good}");
    }
    let minutes = |field: &str| good[field].as_u64().unwrap().div_ceil(60_000);
    assert_eq!((minutes("tokenExpiresIn"), minutes("refreshExpiresIn")), (15, 14 * 24 * 60));

    let wrong = login("not her password", "ada@example.org");
    let nobody = login("not her password", "nobody@example.org");
    let no_address = login("not her password", "ada");
    for refused in [&wrong, &nobody, &no_address] {
        assert_eq!(
            refused.problem(401).detail,
            wrong.problem(401).detail,
            "a refusal tells who has an account"
        );
    }
}

#[test]
fn asking_answering_editing_marking_deleting() {
    let server = Server::start();
    let (ada, bob) = (Person::sign_up(&server, "ada"), Person::sign_up(&server, "bob"));

    let text = json!({"title": "  Why does it not compile?  ", "description": "It says\r\n`E0502`."});
    let asked = ada.post("/question", &text).expect(201);
    let question = asked.json();
    let id = question["id"].as_str().unwrap();
    assert_eq!(asked.header("location"), Some(&*format!("/api/v1/question/{id}")));
    assert_eq!(question["title"], "Why does it not compile?");
    assert_eq!(question["description"], "It says\n`E0502`.");
    assert_eq!(question["author"]["id"], *ada.id);
    assert_eq!(bob.questions(), std::slice::from_ref(&question), "bob sees it at once");

    let answer = bob.answer(id, "Borrow it later.");
    let answered = ada.put(&format!("/question/{id}/status"), &json!({"answered": true})).expect(200).json();
    assert_eq!((&answered["answered"], &answered["answerCount"]), (&json!(true), &json!(1)));
    assert_eq!(answered["updatedAt"], question["updatedAt"], "the text did not change");

    let edited = ada.put(&format!("/question/{id}"), &json!({"title": "Why E0502?"})).expect(200).json();
    assert_eq!(edited["title"], "Why E0502?");
    assert!(edited.get("description").is_none(), "left out is removed: {edited}");
    let changed =
        bob.put(&format!("/answer/{answer}"), &json!({"description": "Use `retain`."})).expect(200).json();
    assert_eq!(changed["description"], "Use `retain`.");
    let answers = ada.get(&format!("/answer/all/{id}")).expect(200).json();
    assert_eq!(answers, json!([changed]));

    ada.delete(&format!("/question/{id}")).expect(200);
    ada.get(&format!("/question/{id}")).problem(404);
    bob.get(&format!("/answer/{answer}")).problem(404);
    bob.get(&format!("/answer/all/{id}")).problem(404);
    assert!(bob.questions().is_empty());
}

#[test]
fn what_is_not_yours() {
    let server = Server::start();
    let (ada, bob) = (Person::sign_up(&server, "ada"), Person::sign_up(&server, "bob"));
    let id = ada.ask("Whose is this?");
    let answer = ada.answer(&id, "Mine.");
    let before = (ada.get(&format!("/question/{id}")).json(), ada.get(&format!("/answer/{answer}")).json());

    bob.put(&format!("/question/{id}"), &json!({"title": "Mine now"})).problem(403);
    bob.put(&format!("/question/{id}/status"), &json!({"answered": true})).problem(403);
    bob.delete(&format!("/question/{id}")).problem(403);
    bob.put(&format!("/answer/{answer}"), &json!({"description": "Mine now"})).problem(403);
    bob.delete(&format!("/answer/{answer}")).problem(403);
    bob.post("/question", &json!({"title": "In her name", "authorId": ada.id})).problem(403);
    bob.get("/user/all").problem(403);
    bob.delete(&format!("/user/{}", ada.id)).problem(403);

    let after = (ada.get(&format!("/question/{id}")).json(), ada.get(&format!("/answer/{answer}")).json());
    assert_eq!(after, before, "refused and unchanged");
    assert_eq!(ada.questions().len(), 1);
}

#[test]
fn signing_out_kills_both_tokens() {
    let server = Server::start();
    let ada = Person::sign_up(&server, "ada");
    let refresh = || server.send(&Request::new("POST", "/api/v1/auth/refresh").bearer(&ada.refresh));
    assert!(refresh().expect(200).json()["token"].is_string());

    let sign_out = Request::new("POST", "/api/v1/auth/logout").json(&json!({"refreshToken": ada.refresh}));
    for _ in 0..2 {
        assert!(server.send(&sign_out).expect(200).body.is_empty(), "it may be repeated");
    }
    refresh().problem(401);
    until("the access token to be refused", || (ada.get("/user/me").status == 401).then_some(()));
    ada.post("/question", &json!({"title": "Still here?"})).problem(401);
}

#[test]
fn a_new_name_and_a_new_password() {
    let server = Server::start();
    let ada = Person::sign_up(&server, "ada");
    ada.ask("Who asks this?");
    let renamed = ada.put("/user", &json!({"username": "Countess"})).expect(201);
    assert_eq!(renamed.header("location"), Some(&*format!("/api/v1/user/{}", ada.id)));
    assert_eq!(ada.questions()[0]["author"]["username"], "Countess");
    ada.put("/user/", &json!({"username": "ada"})).expect(201);

    let other_device = Person::sign_in(&server, &ada.email);
    let wrong = json!({"currentPassword": "not it at all", "newPassword": "nine copper kettles"});
    assert!(matches!(ada.put("/user/password", &wrong).status, 400 | 401 | 403));
    let right = json!({"currentPassword": PASSWORD, "newPassword": "nine copper kettles"});
    ada.put("/user/password", &right).expect(200);
    let old = json!({"email": ada.email, "password": PASSWORD});
    server.send(&Request::new("POST", "/api/v1/auth/login").json(&old)).problem(401);
    let elsewhere = Request::new("POST", "/api/v1/auth/refresh").bearer(&other_device.refresh);
    server.send(&elsewhere).problem(401);
    let here = Request::new("POST", "/api/v1/auth/refresh").bearer(&ada.refresh);
    server.send(&here).expect(200);
}

#[test]
fn pages_by_number_and_by_cursor_agree() {
    let server = Server::start();
    let ada = Person::sign_up(&server, "ada");
    let asked: Vec<_> = (0..25).map(|n| ada.ask(&format!("Question {n}"))).collect();
    let newest_first: Vec<_> = asked.iter().rev().cloned().collect();

    let mut by_number = Vec::new();
    for page in 0..4 {
        by_number.extend(ids(&ada.get(&format!("/question/all?page={page}")).expect(200).json()));
    }
    assert_eq!(by_number, newest_first, "three pages of ten and one past the end");

    let mut by_cursor = Vec::new();
    let mut next = Some("/question/all?size=7".to_owned());
    while let Some(path) = next {
        let reply = ada.get(&path).expect(200);
        by_cursor.extend(ids(&reply.json()));
        next = reply.header("link").map(next_path);
    }
    assert_eq!(by_cursor, newest_first);
    assert_eq!(ada.get("/question/all?total=true").header("x-total-count"), Some("25"));
    assert_eq!(ada.get("/question/all").header("x-total-count"), None, "counting is not free");
}

#[test]
fn every_user_has_an_avatar() {
    let server = Server::start();
    let (ada, bob) = (Person::sign_up(&server, "ada"), Person::sign_up(&server, "bob"));
    let icon = |of: &Person| ada.get(&format!("/user/{}/icon", of.id)).expect(200);
    let picture = icon(&ada);
    assert_eq!(picture.header("content-type"), Some("image/svg+xml"));
    assert!(picture.text().starts_with("<svg"), "{:.80}", picture.text());
    assert_ne!(picture.body, icon(&bob).body, "people differ");

    let png = ada.get(&format!("/user/{}/icon.png?size=64", ada.id)).expect(200);
    assert_eq!(png.header("content-type"), Some("image/png"));
    assert!(png.body.starts_with(b"\x89PNG"));

    let url = |of: &Person| of.get("/user/me").json()["avatarUrl"].clone();
    let before = url(&ada);
    let new = ada.send(&ada.request("PUT", "/user/icon")).expect(200);
    assert_ne!(new.body, picture.body, "a new picture is another picture");
    assert_ne!(url(&ada), before, "a new avatar has a new URL");
    assert_eq!(icon(&ada).body, new.body);
}

fn fields(object: &Value) -> Vec<&str> {
    object.as_object().unwrap().keys().map(String::as_str).collect()
}

fn ids(list: &Value) -> Vec<String> {
    list.as_array().unwrap().iter().map(|q| q["id"].as_str().unwrap().to_owned()).collect()
}

/// The path of a `Link` header with `rel="next"`, relative to `API_PATH`.
fn next_path(link: &str) -> String {
    assert!(link.contains("rel=\"next\""), "{link}");
    let target = link.split(['<', '>']).nth(1).unwrap();
    target.strip_prefix("/api/v1").unwrap_or_else(|| panic!("expected a URL of this server: {link}")).into()
}
