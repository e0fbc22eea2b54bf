//! The client uses documented behaviour only.
//!
//! In every test with client and server a recorder between them collects the traffic, which is validated against
//! `openapi.json` when the server is dropped (`Server::watched_url`). Here: that traffic is recorded and violations are found.

use std::collections::BTreeSet;

use ro_co_tests::{
    Home, Person, Reply, Server, Terminal,
    contract::Contract,
    recorder::Exchange,
    steps::{ask, key, sign_up},
    wait::until,
};
use serde_json::{Value, json};

#[test]
fn a_client_session_is_recorded_and_valid() {
    let server = Server::start();
    let home = Home::at(&server);
    let terminal = Terminal::client(&home, &[]);
    sign_up(&terminal, "ada");
    ask(&terminal, "Is this described?", "All of it.");
    terminal.keys(key::ENTER);
    terminal.wait("All of it.");
    terminal.keys("r");
    terminal.wait("Answer");
    terminal.keys(&format!("It is.{}", key::CTRL_S));
    // The form contains the text as well; the question's own keys appear once it is sent.
    terminal.wait("m mark answered");
    terminal.wait("It is.");
    terminal.keys("m");
    let contract = Contract::load();
    let asked = || -> BTreeSet<String> {
        let exchanges = server.exchanges();
        exchanges.iter().filter_map(|e| contract.operation_id(e).map(str::to_owned)).collect()
    };
    let expected =
        ["checkUsername", "createAnswer", "createQuestion", "getIconPng", "listAnswers", "listQuestions"];
    for operation in expected.into_iter().chain(["login", "signUp", "setQuestionStatus"]) {
        until(operation, || asked().contains(operation).then_some(()));
    }
}

/// A valid exchange: a question created.
fn good() -> Exchange {
    let server = Server::start();
    let ada = Person::sign_up(&server, "ada");
    let body = json!({"title": "Good?"});
    let reply = ada.post("/question", &body);
    Exchange {
        method: "POST".into(),
        target: "/api/v1/question".into(),
        headers: vec![
            ("authorization".into(), format!("Bearer {}", ada.token)),
            ("content-type".into(), "application/json".into()),
        ],
        body: body.to_string().into_bytes(),
        reply,
    }
}

#[track_caller]
fn finds(exchange: &Exchange, what: &str) {
    let found = Contract::load().findings(exchange).join("; ");
    assert!(found.contains(what), "not found: {what}; but: {found}");
}

#[test]
fn faults_of_a_request_are_found() {
    let good = good();
    assert_eq!(Contract::load().findings(&good), Vec::<String>::new());
    finds(&Exchange { target: "/api/v1/questions".into(), ..good.clone() }, "is not described");
    finds(&Exchange { method: "PATCH".into(), ..good.clone() }, "is not described");
    finds(
        &Exchange { target: "/api/v1/question?fast=1".into(), ..good.clone() },
        "the query fast is not described",
    );
    let headers = [good.headers.clone(), vec![("x-secret".into(), "1".into())]].concat();
    finds(&Exchange { headers, ..good.clone() }, "the header x-secret is not described");
    finds(&Exchange { body: br#"{"titel": "x"}"#.to_vec(), ..good.clone() }, "titel");
    finds(&Exchange { body: Vec::new(), ..good.clone() }, "the body is missing");
    let list = Exchange { method: "GET".into(), body: Vec::new(), ..good };
    finds(&Exchange { target: "/api/v1/question/all?size=1000".into(), ..list.clone() }, "1000");
    finds(&Exchange { target: "/api/v1/question/7".into(), ..list }, "uuid");
}

#[test]
fn faults_of_an_answer_are_found() {
    let good = good();
    let with = |reply: Reply| Exchange { reply, ..good.clone() };
    let changed = |change: fn(&mut Value)| {
        let mut body = good.reply.json();
        change(&mut body);
        with(Reply { body: body.to_string().into_bytes(), ..good.reply.clone() })
    };
    finds(&changed(|body| body["createdAt"] = "yesterday".into()), "createdAt");
    finds(&changed(|body| body["description"] = Value::Null), "description");
    finds(&changed(|body| drop(body.as_object_mut().unwrap().remove("author"))), "author");
    finds(&with(Reply { status: 200, ..good.reply.clone() }), "200 is not described");
    let mut headers = good.reply.headers.clone();
    headers.retain(|(name, _)| name != "location" && name != "content-type");
    headers.push(("content-type".into(), "text/html".into()));
    finds(&with(Reply { headers: headers.clone(), ..good.reply.clone() }), "has no Location");
    finds(&with(Reply { headers, ..good.reply.clone() }), "text/html");
}
