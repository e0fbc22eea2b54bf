//! Fills a server through its API, and records what it answers.

use std::{collections::BTreeMap, iter};

use ro_co_shared::Timestamp;
use ro_co_tests::{Person, Request, Server, person::PASSWORD};
use serde_json::{Map, Value, json};

use crate::people::{ADDRESSES, ORDINARY, REFUSED_LATER, TITLES};

const QUESTIONS: usize = 36;

/// Makes accounts, content and sessions; the record of what tests need to sign in and to repeat requests.
pub(crate) fn populate(server: &Server, release: &str) -> Value {
    let people = accounts(server);
    let admin = people.iter().find(|person| person.name == "Grace Hopper").unwrap();
    assert!(server.admin(&["admin", "grant", &admin.email]).status.success());
    let ids = content(&people);
    leave(server, &ids);
    avatars(&people);
    json!({
        "release": release,
        "madeAt": Timestamp::now(),
        "password": PASSWORD,
        "admin": admin.email,
        "accounts": people.iter().map(|p| json!({"id": p.id, "username": p.name, "email": p.email})).collect::<Vec<_>>(),
        "sessions": sessions(server, &people),
        "keyed": keyed(&people[0], &ids[0]),
        "cursors": cursors(&people[0], &ids[0]),
    })
}

fn accounts(server: &Server) -> Vec<Person> {
    let named = ORDINARY.iter().chain(&REFUSED_LATER).enumerate();
    let numbered = named.map(|(n, name)| (*name, format!("person.{n}@example.org")));
    let addressed = ADDRESSES.iter().map(|(name, email)| (*name, (*email).to_owned()));
    let mut people = Vec::new();
    for (name, email) in numbered.chain(addressed) {
        let body = json!({"username": name, "email": email, "password": PASSWORD});
        server.send(&Request::new("POST", "/api/v1/auth/signup").json(&body)).expect(201);
        people.push(Person::sign_in(server, &email));
    }
    people
}

/// Questions, answers, marks and edits by all of them; the questions' ids.
fn content(people: &[Person]) -> Vec<String> {
    let mut ids = Vec::new();
    for n in 0..QUESTIONS {
        let author = &people[n % people.len()];
        let title = TITLES.get(n).map_or_else(|| format!("Question number {n}"), ToString::to_string);
        let mut body = json!({"title": title});
        if n % 4 != 0 {
            body["description"] = format!("More about it.\n\n{}", "Why? ".repeat(n)).into();
        }
        let id = text(&author.post("/question", &body).expect(201).json(), "id");
        for answer in 0..n % 4 {
            people[(n + answer + 1) % people.len()].answer(&id, &format!("Answer {answer} to question {n}."));
        }
        if n % 3 == 0 {
            author.put(&format!("/question/{id}/status"), &json!({"answered": true})).expect(200);
        }
        if n % 5 == 0 {
            author
                .put(&format!("/question/{id}"), &json!({"title": format!("{title} (edited)")}))
                .expect(200);
        }
        ids.push(id);
    }
    ids
}

/// Two accounts are deleted: one leaves its content behind, the other one takes it along.
fn leave(server: &Server, questions: &[String]) {
    for (name, content) in [("leaves content", "keep"), ("leaves nothing", "erase")] {
        let person = Person::sign_up(server, name);
        let own = person.ask(&format!("Asked by somebody who {name}"));
        person.answer(&own, "An answer to my own question.");
        person.answer(&questions[1], &format!("An answer by somebody who {name}."));
        let body = json!({"password": PASSWORD, "content": content});
        person.post("/user/me/delete", &body).expect(200);
    }
}

/// Stored pictures, one of them of a later version.
fn avatars(people: &[Person]) {
    people[1].send(&people[1].request("PUT", "/user/icon")).expect(200);
    for person in &people[..3] {
        person.get(&format!("/user/{}/icon", person.id)).expect(200);
    }
}

/// The sign-ins made so far, which were never refreshed, and others in every state that a session may be in.
fn sessions(server: &Server, people: &[Person]) -> Vec<Value> {
    let fresh = people.iter().take(6).map(|person| session("fresh", person, &person.refresh, None));
    let mut all: Vec<Value> = fresh.collect();
    for person in &people[..4] {
        let again = Person::sign_in(server, &person.email);
        let rotated = refresh(server, &again.refresh);
        all.push(session("rotated", person, &rotated, Some(&again.refresh)));
    }
    let ended = Person::sign_in(server, &people[0].email);
    let body = json!({"refreshToken": ended.refresh});
    server.send(&Request::new("POST", "/api/v1/auth/logout").json(&body)).expect(200);
    all.push(session("ended", &people[0], &ended.refresh, None));
    let reused = Person::sign_in(server, &people[1].email);
    let last =
        iter::successors(Some(reused.refresh.clone()), |token| Some(refresh(server, token))).nth(3).unwrap();
    server.send(&Request::new("POST", "/api/v1/auth/refresh").bearer(&reused.refresh)).problem(401);
    all.push(session("ended", &people[1], &last, Some(&reused.refresh)));
    all
}

fn session(state: &str, person: &Person, token: &str, parent: Option<&str>) -> Value {
    json!({"state": state, "user": person.id, "refreshToken": token, "parent": parent})
}

fn refresh(server: &Server, token: &str) -> String {
    let reply = server.send(&Request::new("POST", "/api/v1/auth/refresh").bearer(token)).expect(200);
    text(&reply.json(), "refreshToken")
}

/// Creates with an `Idempotency-Key`, whose repeat has to meet the same row.
fn keyed(person: &Person, question: &str) -> Vec<Value> {
    let asked = ("/question", json!({"title": "Asked with a key"}));
    let answered = ("/answer", json!({"description": "Answered with a key.", "questionID": question}));
    [asked, answered]
        .into_iter()
        .map(|(path, body)| {
            let request = person.request("POST", path).header("Idempotency-Key", "key-1").json(&body);
            let id = text(&person.send(&request).expect(201).json(), "id");
            json!({"user": person.id, "path": path, "key": "key-1", "body": body, "id": id})
        })
        .collect()
}

/// Links to the second page of each list, and the ids that stand there.
fn cursors(person: &Person, question: &str) -> Vec<Value> {
    let answers = format!("/answer/all/{question}?size=1");
    person.answer(question, "One more.");
    ["/question/all?size=5", "/question/all?size=5&answered=true", &answers]
        .into_iter()
        .map(|path| {
            let reply = person.get(path).expect(200);
            let link = reply.header("link").unwrap_or_else(|| panic!("{path} has one page only"));
            let next = link.split_once('<').and_then(|(_, rest)| rest.split_once('>')).unwrap().0;
            let next = next.strip_prefix("/api/v1").unwrap_or(next);
            json!({"path": next, "ids": ids(&person.get(next).expect(200).json())})
        })
        .collect()
}

/// Everything that is listed, by what lists it.
pub(crate) fn contents(server: &Server) -> Value {
    let admin = Person::sign_in(server, "person.2@example.org");
    let questions = admin.get("/question/all?size=100").expect(200).json();
    let answers: BTreeMap<String, Value> = ids(&questions)
        .into_iter()
        .map(|id| {
            let path = format!("/answer/all/{id}?size=100");
            let list = admin.get(&path).expect(200).json();
            (path, list)
        })
        .collect();
    let mut lists = Map::from_iter(answers);
    lists.insert("/question/all?size=100".into(), questions);
    lists.insert("/user/all?size=100".into(), admin.get("/user/all?size=100").expect(200).json());
    lists.into()
}

fn ids(list: &Value) -> Vec<String> {
    list.as_array().unwrap().iter().map(|row| text(row, "id")).collect()
}

fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or_else(|| panic!("no {field}: {value}")).to_owned()
}
