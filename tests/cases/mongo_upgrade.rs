//! From the previous release to this one on MongoDB: both at once on one database, the right that a migration needs, and
//! the data that the previous release left.

use std::process::ExitCode;

use mongodb::bson::doc;
use ro_co_tests::{
    Options, Person, Request, Server,
    mongo::{Node, ReplicaSet, run},
    needs::{self, Need, case},
    previous,
    programs::previous_server,
    server::{refused, run_to_end},
};
use serde_json::{Value, json};

const SECRET: &str = "bWFueSBzZXJ2ZXJzLCBvbmUgc2VjcmV0OiAzMiBieXRlcyE=";
const HIDDEN: &str = "hidden-hunter2";

fn main() -> ExitCode {
    let both = &[Need::MongoDb, Need::Previous];
    needs::main(vec![
        case("two_releases_serve_one_database", both, two_releases),
        case("migrating_needs_a_right_and_says_so", both, missing_right),
        case("the_data_of_the_previous_release_is_served", &[Need::MongoDb], fixture),
    ])
}

/// A server's options for this database.
fn on(uri: &str) -> Options {
    Options::default().env("ROCO_MONGO_URI", uri).env("ROCO_SECRET", SECRET)
}

fn two_releases() {
    let set = ReplicaSet::start();
    let options = on(&set.uri());
    let mut old = Server::start_with(options.clone().program(&previous_server()));
    let ada = Person::sign_up(&old, "ada");
    let before = ada.ask("Before");
    let new = Server::start_with(options.clone());

    for (here, there, name) in [(&old, &new, "bob"), (&new, &old, "carol")] {
        acts(here, there, name);
    }
    ada.at(&new).answer(&before, "After.");
    assert_eq!(ada.get(&format!("/question/{before}")).expect(200).json()["answerCount"], 1);

    old.stop();
    let dir = tempfile::tempdir().unwrap();
    refused(
        &run_to_end(&options.program(&previous_server()), dir.path()),
        &["newer", "data version 2", "update this program"],
    );
    ada.at(&new).get(&format!("/question/{before}")).expect(200);
}

/// Everything that a user does on one server has happened on the other.
fn acts(here: &Server, there: &Server, name: &str) {
    let me = Person::sign_up(here, name);
    let me_there = me.at(there);
    let question = me.ask("Here?");
    assert_eq!(me_there.get(&format!("/question/{question}")).expect(200).json()["author"]["username"], name);
    let answer = me_there.answer(&question, "There.");
    assert_eq!(me.get(&format!("/answer/{answer}")).expect(200).json()["description"], "There.");
    let edited = json!({"title": "Edited", "description": "More."});
    me_there.put(&format!("/question/{question}"), &edited).expect(200);
    me.put(&format!("/question/{question}/status"), &json!({"answered": true})).expect(200);
    let shown = me_there.get(&format!("/question/{question}")).expect(200).json();
    assert_eq!((&shown["title"], &shown["answered"]), (&json!("Edited"), &json!(true)));

    let taken = json!({"username": name.to_uppercase(), "email": "other@example.org", "password": "seven wooden marbles"});
    let sign_up = Request::new("POST", "/api/v1/auth/signup").json(&taken);
    assert_eq!(there.send(&sign_up).status, 409);
    let signed_in = Person::sign_in(there, &me.email);
    for server in [here, there, here] {
        // The same parent each time, as of a client that never heard the answer.
        server.send(&Request::new("POST", "/api/v1/auth/refresh").bearer(&signed_in.refresh)).expect(200);
    }
    me.put("/user", &json!({"username": format!("{name} renamed")})).expect(201);
    me.put("/user/icon", &Value::Null).expect(200);
    assert_eq!(Person::sign_in(there, &me.email).name, format!("{name} renamed"));

    let gone = me.ask("Gone");
    me_there.delete(&format!("/question/{gone}")).expect(200);
    me.get(&format!("/question/{gone}")).problem(404);
    let body = json!({"password": ro_co_tests::person::PASSWORD, "content": "keep"});
    me_there.post("/user/me/delete", &body).expect(200);
    let left =
        Person::sign_up(here, &format!("{name} again")).get(&format!("/question/{question}")).expect(200);
    assert_eq!(left.json()["author"]["username"], "deleted user");
}

fn missing_right() {
    let node = Node::start(&["--auth"]);
    node.command("admin", doc! { "createUser": "root", "pwd": "root", "roles": ["root"] }).unwrap();
    let root = format!("mongodb://root:root@{}/?authSource=admin", node.address());
    let user = |name: &str, roles: &[&str]| {
        let roles: Vec<_> = roles.iter().map(|role| doc! { "role": *role, "db": "ro-co" }).collect();
        run(&root, "admin", doc! { "createUser": name, "pwd": HIDDEN, "roles": roles }).unwrap();
        format!("mongodb://{name}:{HIDDEN}@{}/?authSource=admin", node.address())
    };
    let writer = user("writer", &["readWrite"]);
    let owner = user("owner", &["readWrite", "dbAdmin"]);
    let mut old = Server::start_with(on(&writer).program(&previous_server()));
    let ada = Person::sign_up(&old, "ada");

    let dir = tempfile::tempdir().unwrap();
    let output = run_to_end(&on(&writer), dir.path());
    assert!(!String::from_utf8_lossy(&output.stderr).contains(HIDDEN), "a password was shown");
    refused(&output, &["ro-co-server migrate", "dbAdmin", "ro-co"]);
    // Nothing has changed: the previous release starts again.
    old.stop();
    old.restart();
    ada.at(&old).ask("Still there?");

    let migrate = on(&owner).command(dir.path()).arg("migrate").output().unwrap();
    assert!(migrate.status.success(), "{}", String::from_utf8_lossy(&migrate.stderr));
    let new = Server::start_with(on(&writer));
    assert_eq!(ada.at(&new).questions().len(), 1);
}

fn fixture() {
    let node = Node::start(&[]);
    previous::load_mongodb(&node.uri(), "ro-co");
    let (record, before) = (previous::mongodb_sessions(), previous::mongodb_contents());
    let secret = previous::mongodb_secret();
    let options =
        Options::default().env("ROCO_MONGO_URI", &node.uri()).env("ROCO_SECRET", &secret).unlimited();
    let server = Server::start_with(options);
    // Names and email addresses that later rules refuse, or take for each other, among them.
    for account in record["accounts"].as_array().unwrap() {
        let signed_in = Person::sign_in(&server, account["email"].as_str().unwrap());
        assert_eq!((&json!(signed_in.id), &json!(signed_in.name)), (&account["id"], &account["username"]));
        let theirs =
            record["keyed"].as_array().unwrap().iter().filter(|create| create["user"] == account["id"]);
        for create in theirs {
            let path = format!("/api/v1{}", create["path"].as_str().unwrap());
            let repeat = Request::new("POST", &path).json(&create["body"]).bearer(&signed_in.token);
            let repeat = repeat.header("Idempotency-Key", create["key"].as_str().unwrap());
            assert_eq!(server.send(&repeat).json()["id"], create["id"]);
        }
    }
    let admin = Person::sign_in(&server, record["admin"].as_str().unwrap());
    for (path, before) in before.as_object().unwrap() {
        let now = admin.get(path).expect(200).json();
        assert_eq!(rows(&now), rows(before), "{path}");
    }
}

/// What of a list must not change by an upgrade.
fn rows(list: &Value) -> Vec<[&Value; 5]> {
    let list = list.as_array().unwrap().iter();
    list.map(|row| ["id", "title", "description", "answerCount", "createdAt"].map(|field| &row[field]))
        .collect()
}
