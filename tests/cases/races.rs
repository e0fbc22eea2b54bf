//! Concurrent requests: each race has one winner, and every response is correct.

use std::{collections::HashSet, sync::Barrier, thread};

use ro_co_tests::{Options, Person, Reply, Request, Server, person::PASSWORD};
use serde_json::{Value, json};

/// Runs `act` on `count` threads that start together; returns their responses.
fn together(count: usize, act: impl Fn(usize) -> Reply + Sync) -> Vec<Reply> {
    let barrier = Barrier::new(count);
    thread::scope(|scope| {
        let (act, barrier) = (&act, &barrier);
        let threads: Vec<_> = (0..count)
            .map(|n| {
                scope.spawn(move || {
                    barrier.wait();
                    act(n)
                })
            })
            .collect();
        threads.into_iter().map(|t| t.join().unwrap()).collect()
    })
}

fn count(replies: &[Reply], status: u16) -> usize {
    replies.iter().filter(|r| r.status == status).count()
}

#[test]
fn two_sign_ups_for_one_name() {
    let server = Server::start();
    for round in 0..20 {
        let replies = together(2, |n| {
            // The same name in another case, another email address.
            let name = if n == 0 { format!("racer {round}") } else { format!("RACER {round}") };
            let email = format!("racer{round}.{n}@example.org");
            let body = json!({"username": name, "email": email, "password": PASSWORD});
            server.send(&Request::new("POST", "/api/v1/auth/signup").json(&body))
        });
        assert_eq!(count(&replies, 201), 1, "round {round}: {replies:?}");
        let loser = replies.iter().find(|r| r.status != 201).unwrap();
        assert_eq!(loser.wrong_fields(409), ["username"]);
    }
}

#[test]
fn two_sign_ups_for_one_email_address() {
    let server = Server::start();
    let replies = together(4, |n| {
        let body =
            json!({"username": format!("racer {n}"), "email": "one@example.org", "password": PASSWORD});
        server.send(&Request::new("POST", "/api/v1/auth/signup").json(&body))
    });
    assert_eq!(count(&replies, 201), 1, "{replies:?}");
    for loser in replies.iter().filter(|r| r.status != 201) {
        assert_eq!(loser.wrong_fields(409), ["email"]);
    }
}

#[test]
fn one_key_from_eight_at_once_is_one_question() {
    let server = Server::start_with(Options::default().unlimited());
    let ada = Person::sign_up(&server, "ada");
    for round in 0..10 {
        let body = json!({"title": format!("Question {round}"), "description": "Sent eight times."});
        let request =
            ada.request("POST", "/question").header("Idempotency-Key", &format!("key-{round}")).json(&body);
        let replies = together(8, |_| ada.send(&request));
        assert_eq!(count(&replies, 201), 8, "{replies:?}");
        let ids: HashSet<_> = replies.iter().map(|r| r.json()["id"].to_string()).collect();
        assert_eq!(ids.len(), 1, "eight answers, one question");
    }
    assert_eq!(ada.questions().len(), 10);
}

#[test]
fn a_key_is_one_persons_and_for_one_request() {
    let server = Server::start();
    let (ada, bob) = (Person::sign_up(&server, "ada"), Person::sign_up(&server, "bob"));
    let send = |who: &Person, path: &str, body: &Value| {
        who.send(&who.request("POST", path).header("Idempotency-Key", "one").json(body))
    };
    let first = send(&ada, "/question", &json!({"title": "First"})).expect(201).json();
    send(&ada, "/question", &json!({"title": "Second"})).problem(409);
    send(&ada, "/question", &json!({"title": "First", "description": "and more"})).problem(409);
    let bobs = send(&bob, "/question", &json!({"title": "First"})).expect(201).json();
    assert_ne!(bobs["id"], first["id"]);
    let answer = json!({"description": "An answer", "questionID": first["id"]});
    let one = send(&bob, "/answer", &answer).expect(201).json();
    assert_eq!(send(&bob, "/answer", &answer).expect(201).json(), one);
    assert_eq!(ada.questions().len(), 2);
}

#[test]
fn concurrent_edits_never_lose_an_update() {
    let server = Server::start();
    let ada = Person::sign_up(&server, "ada");
    let id = ada.ask("Version 0");
    for round in 1..=20 {
        let path = format!("/question/{id}");
        let etag = ada.get(&path).expect(200).header("etag").unwrap().to_owned();
        let replies = together(2, |n| {
            let body = json!({"title": format!("Version {round} by {n}")});
            ada.send(&ada.request("PUT", &path).header("If-Match", &etag).json(&body))
        });
        assert_eq!((count(&replies, 200), count(&replies, 412)), (1, 1), "round {round}: {replies:?}");
        let winner = replies.iter().find(|r| r.status == 200).unwrap();
        assert_eq!(ada.get(&path).json(), winner.json(), "what the winner was told is what stands");
    }
}

#[test]
fn refreshing_from_eight_at_once_agrees() {
    let server = Server::start();
    let ada = Person::sign_up(&server, "ada");
    let mut refresh = ada.refresh.clone();
    // Within the rate limit of one session.
    for _ in 0..3 {
        let request = Request::new("POST", "/api/v1/auth/refresh").bearer(&refresh);
        let replies = together(8, |_| server.send(&request));
        assert_eq!(count(&replies, 200), 8, "{replies:?}");
        let next: HashSet<_> =
            replies.iter().map(|r| r.json()["refreshToken"].as_str().unwrap().to_owned()).collect();
        assert_eq!(next.len(), 1, "one successor for all");
        refresh = next.into_iter().next().unwrap();
    }
    // The first token was consumed earlier: its reuse ends the session.
    let old = Request::new("POST", "/api/v1/auth/refresh").bearer(&ada.refresh);
    server.send(&old).problem(401);
    server.send(&Request::new("POST", "/api/v1/auth/refresh").bearer(&refresh)).problem(401);
}

#[test]
fn answers_to_a_question_that_is_being_deleted() {
    let server = Server::start();
    let ada = Person::sign_up(&server, "ada");
    for round in 0..10 {
        let id = ada.ask(&format!("Short-lived {round}"));
        let replies = together(4, |n| match n {
            0 => ada.delete(&format!("/question/{id}")),
            _ => ada.post("/answer", &json!({"description": "Late?", "questionID": id})),
        });
        assert_eq!(replies[0].status, 200, "{}", replies[0].text());
        for reply in &replies[1..] {
            assert!(matches!(reply.status, 201 | 404), "{}", reply.text());
            if reply.status == 201 {
                let answer = reply.json()["id"].as_str().unwrap().to_owned();
                ada.get(&format!("/answer/{answer}")).problem(404);
            }
        }
    }
}
