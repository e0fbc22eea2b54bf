//! The server on MongoDB: start, refusals, an unavailable database, and several servers.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    process::{ExitCode, Stdio},
    sync::Barrier,
    thread,
};

use mongodb::bson::doc;
use ro_co_tests::{
    Options, Person, Request, Server,
    mongo::{Node, ReplicaSet, run},
    needs::{self, Need, case},
    person::PASSWORD,
    server::{refused, run_to_end},
    wait::{LIMIT, until, until_within},
};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

/// The secret that servers over one database share.
const SECRET: &str = "bWFueSBzZXJ2ZXJzLCBvbmUgc2VjcmV0OiAzMiBieXRlcyE=";
/// A password that must not appear in any output.
const HIDDEN: &str = "hidden-hunter2";

fn main() -> ExitCode {
    let needs = &[Need::MongoDb];
    needs::main(vec![
        case("a_server_keeps_everything_there", needs, keeps),
        case("operators_work_on_it", needs, operators),
        case("it_waits_for_a_database_that_is_not_up_yet", needs, waits),
        case("what_will_not_mend_is_refused_in_one_line", needs, refusals),
        case("too_old_a_database_is_refused", &[], too_old),
        case("ready_follows_the_database", needs, ready),
        case("servers_side_by_side_are_one", needs, side_by_side),
        case("a_server_killed_in_the_middle_of_a_deletion", needs, killed),
        case("nothing_is_acknowledged_that_a_majority_does_not_have", needs, no_majority),
    ])
}

/// A server's options for this database.
fn on(uri: &str) -> Options {
    Options::default().env("ROCO_MONGO_URI", uri).env("ROCO_SECRET", SECRET)
}

fn keeps() {
    let set = ReplicaSet::start();
    let mut server = Server::start_with(on(&set.uri()));
    let ada = Person::sign_up(&server, "ada");
    let question = ada.ask("Is it there?");
    let answer = ada.answer(&question, "It is.");
    assert_eq!(server.stop().code(), Some(0), "{}", server.log());
    assert!(!server.data_dir.join("ro-co.db").exists(), "it kept a file beside the database");

    server.restart();
    let ada = ada.at(&server);
    let shown = ada.get(&format!("/question/{question}")).expect(200).json();
    assert_eq!((&shown["title"], &shown["answerCount"]), (&json!("Is it there?"), &json!(1)));
    // A new primary has all of it.
    set.step_down();
    set.primary();
    until("the new primary to serve", || (ada.get("/question/all").status == 200).then_some(()));
    assert_eq!(ada.get(&format!("/answer/{answer}")).expect(200).json()["description"], "It is.");
    ada.delete(&format!("/question/{question}")).expect(200);
    ada.get(&format!("/answer/{answer}")).problem(404);
}

fn operators() {
    let node = Node::start(&[]);
    let server = Server::start_with(on(&node.uri()));
    let ada = Person::sign_up(&server, "ada");
    let said = |args: &[&str], code| {
        let output = server.admin(args);
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(code), "{args:?}: {err}");
        format!("{out}{err}")
    };
    said(&["admin", "grant", "ADA@example.org"], 0);
    until("the new right to count", || (ada.get("/user/all").status == 200).then_some(()));
    assert!(said(&["admin", "grant", "nobody@example.org"], 1).contains("nobody"));
    assert!(said(&["migrate"], 0).contains("up to date"));
    assert!(said(&["backup", "/tmp/never"], 1).contains("mongodump"));
    // A connection string in `--help` would be visible to everybody.
    assert!(!said(&["--help"], 0).contains(&node.address()));
}

fn waits() {
    let mut node = Node::start(&[]);
    node.kill();
    let dir = tempfile::tempdir().unwrap();
    let uri = format!("mongodb://ada:{HIDDEN}@{}", node.address());
    let mut child =
        on(&uri).command(dir.path()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    log.read_line(&mut line).unwrap();
    assert!(line.contains(&node.address()) && line.contains("waits"), "{line}");
    assert!(!line.contains(HIDDEN), "{line}");
    // It can be stopped meanwhile.
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    // No output on standard output, because it was never ready.
    let mut said = String::new();
    child.stdout.unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(said, "");

    let mut child =
        on(&node.uri()).command(dir.path()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap());
    line.clear();
    log.read_line(&mut line).unwrap();
    assert!(line.contains("waits"), "{line}");
    node.restart();
    let mut ready = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut ready).unwrap();
    assert!(ready.contains("listens on"), "{ready}");
    child.kill().unwrap();
    child.wait().unwrap();
}

fn refusals() {
    let dir = tempfile::tempdir().unwrap();
    let refuse = |options: &Options, saying: &[&str]| {
        let output = run_to_end(options, dir.path());
        assert!(!String::from_utf8_lossy(&output.stderr).contains(HIDDEN), "a password was shown");
        refused(&output, saying);
    };
    for nonsense in
        ["localhost:27017", "mongodb://", "http://localhost", &format!("mongodb://a:{HIDDEN}@:x/")]
    {
        refuse(&on(nonsense), &["--mongo-uri"]);
    }

    let plain = Node::start(&[]);
    let (host, tls) = (plain.address(), "tls=true&tlsCAFile=/nonexistent");
    for (options, saying) in [
        ("directConnection=true", &["--mongo-uri", "directConnection"][..]),
        ("foo=bar", &["--mongo-uri", "foo"]),
        (tls, &["--mongo-uri", "/nonexistent"]),
    ] {
        refuse(&on(&format!("mongodb://{host},127.0.0.1:9/?{options}")), saying);
    }
    refuse(&on(&format!("mongodb://{host}/?tls=true")), &[&host, "refuses TLS", "tlsCAFile"]);
    refuse(&on(&format!("mongodb://{host}/?replicaSet=other")), &[&host, "no replica set", "replicaSet"]);
    let set = ReplicaSet::start();
    let other = set.uri().replace("replicaSet=", "replicaSet=other");
    refuse(&on(&other), &["the replica set", "replicaSet"]);
    // What is not percent-encoded looks like options.
    refuse(&on(&format!("mongodb://a:?{HIDDEN}=1@{host}")), &["--mongo-uri", "percent-encoded"]);

    let node = Node::start(&["--auth"]);
    let first = doc! { "createUser": "root", "pwd": "root", "roles": ["root"] };
    node.command("admin", first).unwrap();
    let root = format!("mongodb://root:root@{}/?authSource=admin", node.address());
    let user = |name: &str, role: &str| {
        let roles = [doc! { "role": role, "db": "ro-co" }];
        run(&root, "admin", doc! { "createUser": name, "pwd": HIDDEN, "roles": roles }).unwrap();
        format!("mongodb://{name}:{HIDDEN}@{}/?authSource=admin", node.address())
    };
    let (reader, writer) = (user("reader", "read"), user("writer", "readWrite"));
    let wrong = writer.replace(HIDDEN, &format!("{HIDDEN}-not"));
    refuse(&on(&wrong), &["user", "password", &node.address()]);
    refuse(&on(&node.uri()), &["readWrite"]);
    refuse(&on(&reader), &["readWrite", "ro-co"]);
    refuse(&on(&writer).env("ROCO_MONGO_DB", "a.b"), &["--mongo-db"]);

    // The role named in the message suffices for the first and later starts; a read-only user may not serve.
    for _ in 0..2 {
        let mut server = Server::start_with(on(&writer).data_dir(dir.path()));
        assert!(server.stop().success());
        assert!(!server.log().contains(HIDDEN));
    }
    refuse(&on(&reader), &["readWrite"]);

    let newer = doc! { "q": { "_id": "ro-co" }, "u": { "$set": { "version": 99, "oldest": 99 } } };
    run(&root, "ro-co", doc! { "update": "schema", "updates": [newer] }).unwrap();
    refuse(&on(&writer), &["newer", "--mongo-db"]);
}

/// No registry offers a server that old: this stub only reports its version.
fn too_old() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || answer_as_4_4(stream));
        }
    });
    let dir = tempfile::tempdir().unwrap();
    let output = run_to_end(&on(&format!("mongodb://{address}")), dir.path());
    refused(&output, &["5.0", &address.to_string()]);
}

/// Answers every message of MongoDB's wire protocol with the `hello` reply of version 4.4.
fn answer_as_4_4(mut stream: std::net::TcpStream) -> Option<()> {
    const OP_QUERY: i32 = 2004;
    let hello = doc! {
        "ok": 1.0, "ismaster": true, "isWritablePrimary": true, "helloOk": true, "minWireVersion": 0, "maxWireVersion": 9,
        "maxBsonObjectSize": 16_777_216, "maxMessageSizeBytes": 48_000_000, "maxWriteBatchSize": 100_000,
        "logicalSessionTimeoutMinutes": 30, "readOnly": false,
    };
    let hello = mongodb::bson::serialize_to_vec(&hello).unwrap();
    loop {
        let mut head = [0; 16];
        stream.read_exact(&mut head).ok()?;
        let number = |at: usize| i32::from_le_bytes(head[at..at + 4].try_into().unwrap());
        let mut body = vec![0; usize::try_from(number(0)).ok()? - head.len()];
        stream.read_exact(&mut body).ok()?;
        // OP_REPLY to an OP_QUERY: flags, cursor, start, one document. OP_MSG to an OP_MSG: flags, one section.
        let (code, before): (i32, Vec<u8>) = if number(12) == OP_QUERY {
            (1, [&[8, 0, 0, 0][..], &[0; 8], &[0; 4], &[1, 0, 0, 0]].concat())
        } else {
            (2013, vec![0; 5])
        };
        let length = i32::try_from(head.len() + before.len() + hello.len()).unwrap();
        let reply = [length, 1, number(4), code].map(i32::to_le_bytes).concat();
        stream.write_all(&[reply, before, hello.clone()].concat()).ok()?;
    }
}

fn ready() {
    let mut node = Node::start(&[]);
    let server = Server::start_with(on(&node.uri()));
    let ada = Person::sign_up(&server, "ada");
    let question = ada.ask("Still there?");
    server.open("/health/ready").expect(200);
    node.kill();
    let problem = until("the loss to show", || {
        let reply = server.open("/health/ready");
        (reply.status == 503).then_some(reply)
    });
    problem.problem(503);
    assert!(problem.header("retry-after").is_some());
    server.open("/health/live").expect(200);
    let refused = ada.get(&format!("/question/{question}"));
    refused.problem(503);
    assert!(refused.header("retry-after").is_some());

    node.restart();
    until("the database to be found again", || (server.open("/health/ready").status == 200).then_some(()));
    ada.get(&format!("/question/{question}")).expect(200);
    ada.ask("And writing?");
    assert!(!server.log().contains("ada@example.org"), "an email address was logged:\n{}", server.log());
}

fn side_by_side() {
    let node = Node::start(&[]);
    // Two first starts at once.
    let [one, other] = thread::scope(|scope| {
        let start = || scope.spawn(|| Server::start_with(on(&node.uri())));
        [start(), start()].map(|server| server.join().unwrap())
    });

    one_session(&one, &other);
    one_version(&one, &other);
    one_name(&one, &other);
}

/// A session created on one server is valid on the other, and can be refreshed there.
fn one_session(one: &Server, other: &Server) {
    let ada = Person::sign_up(one, "ada");
    let question = ada.at(other).ask("Who am I here?");
    assert_eq!(ada.get(&format!("/question/{question}")).expect(200).json()["author"]["username"], "ada");
    let refresh = Request::new("POST", "/api/v1/auth/refresh").bearer(&ada.refresh);
    let [first, second] = [one, other].map(|server| server.send(&refresh).expect(200).json());
    assert_eq!(first["refreshToken"], second["refreshToken"], "one successor, whoever is asked");
}

/// An edit on one server makes the version read on the other stale.
fn one_version(one: &Server, other: &Server) {
    let here = Person::sign_up(one, "bob");
    let there = here.at(other);
    let path = format!("/question/{}", here.ask("Which one?"));
    let tag = here.get(&path).header("etag").unwrap().to_owned();
    let edit = |person: &Person, title: &str| {
        person.send(&person.request("PUT", &path).header("If-Match", &tag).json(&json!({"title": title})))
    };
    edit(&there, "Edited there").expect(200);
    edit(&here, "Edited here").problem(412);
    assert_eq!(here.get(&path).json()["title"], "Edited there");
}

/// Of two concurrent sign-ups for one name, on both servers, one succeeds.
fn one_name(one: &Server, other: &Server) {
    for round in 0..5 {
        let start = Barrier::new(2);
        let sign_up = |server: &Server, n: usize| {
            let email = format!("racer{round}.{n}@example.org");
            let body = json!({"username": format!("Racer {round}"), "email": email, "password": PASSWORD});
            let request = Request::new("POST", "/api/v1/auth/signup").json(&body);
            start.wait();
            server.send(&request).status
        };
        let mut statuses = thread::scope(|scope| {
            let (a, b) = (scope.spawn(|| sign_up(one, 0)), scope.spawn(|| sign_up(other, 1)));
            [a.join().unwrap(), b.join().unwrap()]
        });
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 409]);
    }
}

/// A failpoint blocks the deletion between the mark and the children, and the server is killed there.
fn killed() {
    let node = Node::start(&["--setParameter", "enableTestCommands=1"]);
    let mut server = Server::start_with(on(&node.uri()));
    let ada = Person::sign_up(&server, "ada");
    let (question, other) = (ada.ask("Going"), ada.ask("Staying"));
    let answer = ada.answer(&question, "Going with it.");
    // The next delete command blocks; later ones do not.
    let hold = doc! { "failCommands": ["delete"], "blockConnection": true, "blockTimeMS": 600_000 };
    let once = doc! { "times": 1 };
    node.command("admin", doc! { "configureFailPoint": "failCommand", "mode": once, "data": hold }).unwrap();
    let delete = ada.request("DELETE", &format!("/question/{question}"));
    thread::scope(|scope| {
        let request = scope.spawn(|| delete.send(ada.server));
        until("the mark", || (ada.get(&format!("/question/{question}")).status == 404).then_some(()));
        assert_eq!(count(&node, "answers", &answer), 1, "the deletion is not in its middle");
        server.kill();
        assert!(request.join().unwrap().is_err(), "nobody was told that it is done");
    });

    server.restart();
    let ada = ada.at(&server);
    ada.get(&format!("/question/{question}")).problem(404);
    ada.get(&format!("/answer/{answer}")).problem(404);
    ada.get(&format!("/answer/all/{question}")).problem(404);
    let listed: Vec<Value> = ada.questions().iter().map(|question| question["id"].clone()).collect();
    assert_eq!(listed, [json!(other)]);
    // Once the mark is a minute old, the next sweep finishes the deletion.
    let aged = doc! { "q": { "deleting": true }, "u": [{ "$set": { "deletedAt": { "$subtract": ["$deletedAt", 120_000] } } }] };
    node.command("ro-co", doc! { "update": "questions", "updates": [aged] }).unwrap();
    server.kill();
    server.restart();
    let gone = until_within(LIMIT, || {
        (count(&node, "questions", &question) + count(&node, "answers", &answer) == 0).then_some(())
    });
    assert!(gone.is_some(), "it was not swept");
    assert_eq!(count(&node, "questions", &other), 1);
}

/// How many documents have this id.
fn count(node: &Node, collection: &str, id: &str) -> i32 {
    let query = doc! { "_id": mongodb::bson::Uuid::parse_str(id).unwrap() };
    node.command("ro-co", doc! { "count": collection, "query": query }).unwrap().get_i32("n").unwrap()
}

/// Neither at the first attempt nor when it is repeated, though the primary has it by then.
fn no_majority() {
    let set = ReplicaSet::start_stoppable();
    let server = Server::start_with(on(&set.uri()).args(&["--access-ttl", "1d", "--rate-limits", "off"]));
    let ada = Person::sign_up(&server, "ada");
    let [marked, edited, deleted] = ["marked", "edited", "deleted"].map(|title| ada.ask(title));
    let answer = ada.answer(&marked, "To be deleted.");
    until("three nodes that follow", || set.is_whole().then_some(()));
    let create = |path: &str, key: &str, body: Value| {
        ada.request("POST", path).header("Idempotency-Key", key).json(&body)
    };
    let changes = [
        (create("/question", "a question", json!({"title": "twice"})), 201),
        (create("/answer", "an answer", json!({"description": "twice", "questionID": marked})), 201),
        (ada.request("PUT", &format!("/question/{marked}/status")).json(&json!({"answered": true})), 200),
        (ada.request("PUT", &format!("/question/{edited}")).json(&json!({"title": "edited"})), 200),
        (ada.request("DELETE", &format!("/question/{deleted}")), 404),
        (ada.request("DELETE", &format!("/answer/{answer}")), 404),
    ];
    set.replicate(false);
    // Concurrently, because each waits for seconds.
    let refused = || {
        thread::scope(|scope| {
            let attempts =
                changes.each_ref().map(|(change, _)| scope.spawn(|| change.send(server.address).unwrap()));
            for (attempt, (change, _)) in attempts.into_iter().zip(&changes) {
                let reply = attempt.join().unwrap();
                assert_eq!(reply.status, 503, "{change:?}: {}", reply.text());
            }
        });
    };
    refused();
    refused();
    set.replicate(true);
    for (change, status) in &changes {
        until("a majority", || {
            let reply = change.send(server.address).unwrap();
            (reply.status != 503).then(|| assert_eq!(reply.status, *status, "{change:?}: {}", reply.text()))
        });
    }
    assert_eq!(ada.questions().iter().filter(|question| question["title"] == "twice").count(), 1);
}
