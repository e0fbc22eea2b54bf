//! Importing from the original Ro-Co: a real MongoDB as the source, a running server as the target.

mod original;

use std::{
    collections::BTreeSet,
    fs,
    net::TcpListener,
    process::{Command, ExitCode, Output, Stdio},
};

use original::{REPORT, STROKE, large, new_name, node, oid, old};
use ro_co_tests::{
    Options, Person, Request, Server,
    needs::{self, Need, case},
    person::PASSWORD,
    programs::program,
    wait::{LIMIT, until, until_within},
};
use serde_json::{Value, json};

const NEEDS: &[Need] = &[Need::MongoDb];

fn main() -> ExitCode {
    needs::main(vec![
        case("into_sqlite_twice", NEEDS, || twice(&Store::Sqlite)),
        case("into_mongodb_twice", NEEDS, || twice(&Store::mongodb())),
        case("an_old_password_is_hashed_anew_in_sqlite", NEEDS, || old_password(&Store::Sqlite)),
        case("an_old_password_is_hashed_anew_in_mongodb", NEEDS, || old_password(&Store::mongodb())),
        case("a_dry_run_writes_nothing_and_reports_the_same", NEEDS, dry_run),
        case("a_dry_run_counts_what_is_there", NEEDS, dry_run_after),
        case("what_was_done_here_since_stays", NEEDS, untouched),
        case("an_import_that_was_killed_is_run_again", NEEDS, killed),
        case("without_a_source_it_does_not_start", NEEDS, no_source),
    ])
}

/// The server's back end.
enum Store {
    Sqlite,
    MongoDb(String),
}

impl Store {
    fn mongodb() -> Self {
        Self::MongoDb(new_name("store"))
    }

    fn args(&self) -> Vec<String> {
        match self {
            Self::Sqlite => vec![],
            Self::MongoDb(name) => ["--mongo-uri", &node().uri(), "--mongo-db", name].map(Into::into).into(),
        }
    }

    fn serve(&self) -> Server {
        let args = self.args();
        Server::start_with(Options::default().args(&args.iter().map(String::as_str).collect::<Vec<_>>()))
    }
}

/// The output of an import: the four counts of each collection, and the lines of its report.
#[derive(PartialEq, Eq, Debug)]
struct Imported {
    /// Read, added, already present, skipped.
    counts: Vec<[u64; 4]>,
    lines: BTreeSet<(String, String, String, String)>,
}

/// The server's program on this server's data.
fn operator(server: &Server, store: &Store) -> Command {
    let mut command = Command::new(program("ro-co-server"));
    command.env_clear().args(["--data-dir", server.data_dir.to_str().unwrap()]).args(store.args());
    command
}

fn importer(server: &Server, store: &Store, from: &str, more: &[&str]) -> Command {
    let mut command = operator(server, store);
    // By environment, because a connection string may contain a password.
    command.args(["import", "ro-co", "--from-db", from]).args(more).env("ROCO_IMPORT_FROM", node().uri());
    command
}

#[track_caller]
fn import(server: &Server, store: &Store, from: &str, more: &[&str]) -> Imported {
    let place = tempfile::tempdir().unwrap();
    let report = place.path().join("report.jsonl");
    let output = importer(server, store, from, more).arg("--report").arg(&report).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && errors.is_empty(), "{}: {said}{errors}", output.status);
    let counts = ["User ", "Question ", "Answer "].map(|kind| {
        let line = said.lines().find(|line| line.starts_with(kind)).unwrap_or_else(|| panic!("{said}"));
        let numbers: Vec<u64> = line.split(' ').filter_map(|word| word.parse().ok()).collect();
        numbers.try_into().unwrap_or_else(|_| panic!("{line}"))
    });
    let text = |line: &Value, field: &str| line[field].as_str().unwrap().to_owned();
    let lines = fs::read_to_string(report).unwrap();
    let lines = lines.lines().map(|line| {
        let line: Value = serde_json::from_str(line).unwrap();
        (text(&line, "collection"), text(&line, "id"), text(&line, "outcome"), text(&line, "reason"))
    });
    Imported { counts: counts.into(), lines: lines.collect() }
}

fn expected_lines() -> BTreeSet<(String, String, String, String)> {
    let id = |n: Option<u32>| n.map_or("by hand".into(), |n| oid(n).to_hex());
    REPORT.map(|(kind, n, outcome, why)| (kind.into(), id(n), outcome.into(), why.into())).into()
}

fn twice(store: &Store) {
    let (server, source) = (store.serve(), old());
    let first = import(&server, store, &source, &[]);
    assert_eq!(first.counts, [[7, 4, 0, 3], [9, 6, 0, 3], [7, 2, 0, 5]]);
    assert_eq!(first.lines, expected_lines());
    let ada = Person::sign_in(&server, "ada@example.org");
    everything_is_there(&server, &ada);

    let second = import(&server, store, &source, &[]);
    assert_eq!(second.counts, [[7, 0, 4, 3], [9, 0, 6, 3], [7, 0, 2, 5]]);
    let skipped = expected_lines().into_iter().filter(|(_, _, outcome, _)| outcome == "skipped");
    assert_eq!(second.lines, skipped.collect());
    everything_is_there(&server, &ada);
}

#[track_caller]
fn everything_is_there(server: &Server, ada: &Person) {
    // Still an admin: only admins may read this list.
    let people = ada.get("/user/all").expect(200).json();
    let names: Vec<_> = people.as_array().unwrap().iter().map(|p| p["username"].as_str().unwrap()).collect();
    assert_eq!(
        names,
        ["Ada Lovelace", &format!("ada LOVELACE-{}", &oid(2).to_hex()[18..]), "李小龍", "Eve__31m"]
    );
    assert_eq!(people[0]["createdAt"], "2020-10-20T17:28:13.000Z");
    assert_eq!([&people[0]["verified"], &people[3]["verified"]], [&json!(true), &json!(false)]);
    let picture = ada.get(&format!("/user/{}/icon", ada.id)).expect(200).text();
    assert!(picture.contains(STROKE) && !picture.contains("alert"), "{picture}");

    let questions = ada.questions();
    let brief: Vec<_> = questions
        .iter()
        .map(|q| {
            let title: String = q["title"].as_str().unwrap().chars().take(20).collect();
            let text = |v: &Value| v.as_str().unwrap().to_owned();
            (title, text(&q["author"]["username"]), q["answered"] == true, q["answerCount"].as_i64().unwrap())
        })
        .collect();
    let ada_too = format!("ada LOVELACE-{}", &oid(2).to_hex()[18..]);
    let row =
        |title: &str, author: &str, answered, count| (title.to_owned(), author.to_owned(), answered, count);
    assert_eq!(
        brief,
        [
            row("Where does it lie?", &ada_too, false, 1),
            row(&"ü".repeat(20), "李小龍", false, 0),
            row("By Carol", "deleted user", false, 0),
            row("By nobody", "deleted user", false, 0),
            row("What is a lock file?", "Ada Lovelace", true, 1),
            row("Two lines[2J", "李小龍", false, 0),
        ]
    );
    assert_eq!(questions[0]["createdAt"], "2021-03-05T10:11:12.500Z");
    assert_eq!(questions[4]["createdAt"], "2021-03-04T10:11:12.500Z");
    assert_eq!(questions[5]["createdAt"], "2020-10-20T17:28:29.000Z", "the time of its id");
    assert_eq!(questions[4]["description"], "One\ntwo");
    assert_eq!(questions[1]["description"].as_str().unwrap().chars().count(), 10_000);
    let answers =
        ada.get(&format!("/answer/all/{}", questions[4]["id"].as_str().unwrap())).expect(200).json();
    assert_eq!((&answers[0]["author"]["username"], answers.as_array().unwrap().len()), (&json!("李小龍"), 1));
    server.open("/health/ready").expect(200);
}

fn old_password(store: &Store) {
    let server = store.serve();
    import(&server, store, &old(), &[]);
    let stored = || stored_password(&server, store, "ada@example.org");
    assert!(stored().starts_with("$2a$10$"), "{}", stored());
    let login = |email: &str, password: &str| {
        let body = json!({"email": email, "password": password});
        server.send(&Request::new("POST", "/api/v1/auth/login").json(&body))
    };
    login("ada@example.org", "seven wooden marblez").problem(401);
    assert!(stored().starts_with("$2a$10$"), "a wrong password changes nothing");
    login("ada@example.org", PASSWORD).expect(200);
    let new = stored();
    assert!(new.starts_with("$argon2id$"), "{new}");
    login("ada@example.org", PASSWORD).expect(200);
    login("ada@example.org", "seven wooden marblez").problem(401);
    assert_eq!(stored(), new);
    // The account whose hash has an unsupported prefix, and the one without a hash.
    login("bob@example.org", PASSWORD).expect(200);
    login("eve@example.org", "in the clear").problem(401);
    let reset =
        operator(&server, store).args(["admin", "reset-password", "eve@example.org"]).output().unwrap();
    let said = String::from_utf8(reset.stdout).unwrap();
    login("eve@example.org", said.lines().next().unwrap().split_whitespace().last().unwrap()).expect(200);
}

fn dry_run() {
    for store in [Store::Sqlite, Store::mongodb()] {
        let (server, source) = (store.serve(), old());
        let ada = Person::sign_up(&server, "Visitor");
        let dry = import(&server, &store, &source, &["--dry-run"]);
        assert!(ada.questions().is_empty());
        let login = json!({"email": "ada@example.org", "password": PASSWORD});
        server.send(&Request::new("POST", "/api/v1/auth/login").json(&login)).problem(401);
        assert_eq!(dry, import(&server, &store, &source, &[]), "it did what the dry run said");
    }
}

fn dry_run_after() {
    let store = Store::Sqlite;
    let (server, source) = (store.serve(), old());
    // Takes Ada's name, and Li's email address.
    let taken = [("ada lovelace", "first@example.org"), ("somebody", "LI@example.org")];
    for (name, email) in taken {
        let body = json!({"username": name, "email": email, "password": "nine glass marbles here"});
        server.send(&Request::new("POST", "/api/v1/auth/signup").json(&body)).expect(201);
    }
    let dry = import(&server, &store, &source, &["--dry-run"]);
    let line = |n, outcome: &str, why: &str| {
        ("User".to_owned(), oid(n).to_hex(), outcome.to_owned(), why.to_owned())
    };
    assert!(
        dry.lines
            .is_superset(&[line(1, "changed", "name-replaced"), line(5, "skipped", "address-taken")].into())
    );
    assert_eq!(dry, import(&server, &store, &source, &[]));
    let again = import(&server, &store, &source, &["--dry-run"]);
    assert_eq!(again.counts, import(&server, &store, &source, &[]).counts);
    assert_eq!(again.counts.iter().map(|[_, new, ..]| new).sum::<u64>(), 0);
}

fn untouched() {
    let store = Store::Sqlite;
    let (server, source) = (store.serve(), old());
    import(&server, &store, &source, &[]);
    let ada = Person::sign_in(&server, "ada@example.org");
    let find = |title: &str| ada.questions().into_iter().find(|q| q["title"] == title);
    let id = |title: &str| find(title).unwrap()["id"].as_str().unwrap().to_owned();
    let (lock, carol) = (id("What is a lock file?"), id("By Carol"));
    ada.put(&format!("/question/{lock}"), &json!({"title": "What was a lock file?"})).expect(200);
    ada.put(&format!("/question/{lock}/status"), &json!({"answered": false})).expect(200);
    ada.delete(&format!("/question/{carol}")).expect(200);
    ada.put("/user", &json!({"username": "Countess"})).expect(201);
    import(&server, &store, &source, &[]);
    let lock = find("What was a lock file?").unwrap();
    assert_eq!((&lock["answered"], &lock["author"]["username"]), (&json!(false), &json!("Countess")));
    assert!(find("By Carol").is_some(), "what was deleted here comes back, as the manual says");
    assert_eq!(ada.questions().len(), 6);
}

fn killed() {
    let store = Store::Sqlite;
    let (server, source) = (store.serve(), large(1_200));
    let mut child =
        importer(&server, &store, &source, &[]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let ada = until("the first account", || {
        let login = json!({"email": "u1@example.org", "password": PASSWORD});
        let reply = server.send(&Request::new("POST", "/api/v1/auth/login").json(&login));
        (reply.status == 200).then(|| Person::sign_in(&server, "u1@example.org"))
    });
    until("the first questions", || (!ada.questions().is_empty()).then_some(()));
    assert!(child.try_wait().unwrap().is_none(), "too quick to be killed: make the source larger");
    child.kill().unwrap();
    child.wait().unwrap();
    let second = import(&server, &store, &source, &[]);
    let [users, questions, answers] = second.counts[..] else { panic!("{second:?}") };
    assert_eq!(users, [1_200, 0, 1_200, 0]);
    assert!(questions[1] > 0 && questions[2] > 0 && questions[1] + questions[2] == 12_000, "{questions:?}");
    assert_eq!((answers[1] + answers[2], second.lines.len()), (12_000, 0));
    let total = |path: &str| ada.get(path).expect(200).header("x-total-count").unwrap().to_owned();
    assert_eq!(total("/question/all?total=true&size=1"), "12000");
    assert_eq!(
        total("/question/all?total=true&size=1&answered=true"),
        "6000",
        "marks that were missed are made good"
    );
    assert!(ada.questions().iter().all(|question| question["answerCount"] == 1));
}

/// Asserts exit code 2 and one line with the reason and without a password.
#[track_caller]
fn refused(output: &Output, saying: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert_eq!(said.trim_end().lines().count(), 1, "one line was expected:\n{said}");
    assert!(said.contains(saying) && !said.contains("s3cret") && !said.contains("Error {"), "{said}");
    assert!(output.stdout.is_empty());
}

fn no_source() {
    let (server, store) = (Server::start(), Store::Sqlite);
    let run = |from: &str, database: &[&str]| {
        let mut command = operator(&server, &store);
        command.args(["import", "ro-co", "--from", from]).args(database);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let ended = until_within(LIMIT, || child.try_wait().unwrap());
        if ended.is_none() {
            child.kill().unwrap();
        }
        let output = child.wait_with_output().unwrap();
        assert!(ended.is_some(), "it waits for ever: {}", String::from_utf8_lossy(&output.stderr));
        output
    };
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    refused(&run(&format!("mongodb://ada:s3cret@{nobody}/ro-co"), &[]), "no server answers");
    refused(&run(&format!("mongodb://ada:s3cret@{}/ro-co", node().address()), &[]), "refuses the user");
    refused(&run("ada:s3cret@example", &[]), "no address");
    refused(&run(&node().uri(), &[]), "--from-db");
    refused(&run(&node().uri(), &["--from-db", "nothing-there"]), "nothing-there");
    refused(&run(&format!("{}/x", node().uri()), &["--report", "/nowhere/report"]), "collections");
    let report = ["--from-db", &old(), "--report", "/nowhere/report"].map(str::to_owned);
    refused(&run(&node().uri(), &report.each_ref().map(String::as_str)), "report");
}

/// A user's stored password hash, read from the database directly.
fn stored_password(server: &Server, store: &Store, email: &str) -> String {
    match store {
        Store::Sqlite => {
            let script = "import sqlite3, sys\nwith sqlite3.connect(sys.argv[1]) as db:\n    print(db.execute('SELECT password FROM accounts WHERE email_key = ?', sys.argv[2:]).fetchone()[0])";
            let database = server.data_dir.join("ro-co.db");
            let output =
                Command::new("python3").arg("-c").arg(script).arg(database).arg(email).output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            String::from_utf8(output.stdout).unwrap().trim().to_owned()
        }
        Store::MongoDb(name) => original::password(name, email),
    }
}
