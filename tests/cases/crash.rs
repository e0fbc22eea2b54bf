//! SIGKILL under load: every acknowledged write is stored exactly once.

use std::{
    collections::HashMap,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use ro_co_tests::{Options, Person, Server, wait::until};
use serde_json::json;

const WRITERS: usize = 8;
const ROUNDS: usize = 4;
/// Questions acknowledged in a round before the kill.
const ENOUGH: usize = 60;

/// An idempotency key and the id in the response; none if the server was killed first.
type Sent = HashMap<String, Option<String>>;

#[test]
fn every_acknowledged_question_is_there_exactly_once() {
    let mut server = Server::start_with(Options::default().unlimited());
    let ada = Person::sign_up(&server, "ada");
    let mut all = Sent::new();
    for round in 0..ROUNDS {
        let writer = ada.at(&server);
        all.extend(write_until_killed(&mut server, &writer, round));
        server.restart();
        check(&ada.at(&server), &all);
    }
    // Repeating unanswered requests posts them exactly once; repeating the others changes nothing.
    let ada = ada.at(&server);
    for (key, id) in &mut all {
        let again = post(&ada, key).unwrap();
        assert_eq!(id.get_or_insert_with(|| again.clone()), &again, "{key} got another id");
    }
    let stored = titles(&ada);
    assert_eq!(stored.len(), all.len());
}

fn write_until_killed(server: &mut Server, ada: &Person, round: usize) -> Sent {
    let acknowledged = AtomicUsize::new(0);
    let sent = Mutex::new(Sent::new());
    thread::scope(|scope| {
        for writer in 0..WRITERS {
            let (acknowledged, sent) = (&acknowledged, &sent);
            scope.spawn(move || {
                for n in 0.. {
                    let key = format!("{round}-{writer}-{n}");
                    sent.lock().unwrap().insert(key.clone(), None);
                    let Some(id) = post(ada, &key) else { return };
                    sent.lock().unwrap().insert(key, Some(id));
                    acknowledged.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        until("the writers to be in full swing", || {
            (acknowledged.load(Ordering::Relaxed) >= ENOUGH).then_some(())
        });
        server.kill();
    });
    sent.into_inner().unwrap()
}

/// The id of the question posted under this key; `None` if the server was killed meanwhile.
fn post(ada: &Person, key: &str) -> Option<String> {
    let body = json!({"title": key});
    let request = ada.request("POST", "/question").header("Idempotency-Key", key).json(&body);
    let reply = request.send(ada.server).ok()?.expect(201);
    Some(reply.json()["id"].as_str().unwrap().to_owned())
}

fn check(ada: &Person, all: &Sent) {
    let stored = titles(ada);
    for (key, id) in all {
        let found: Vec<_> = stored.iter().filter(|(title, _)| title == key).collect();
        assert!(found.len() <= 1, "{key} is there {} times", found.len());
        if let Some(id) = id {
            assert_eq!(found.first().map(|(_, id)| id), Some(id), "{key} was acknowledged and is lost");
        }
    }
    assert!(stored.iter().all(|(title, _)| all.contains_key(title)), "something nobody wrote");
}

/// Titles and ids of all questions, page by page.
fn titles(ada: &Person) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for page in 0.. {
        let list = ada.get(&format!("/question/all?size=100&page={page}")).expect(200).json();
        let list = list.as_array().unwrap();
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        all.extend(list.iter().map(|q| (text(&q["title"]), text(&q["id"]))));
        if list.is_empty() {
            break;
        }
    }
    all
}
