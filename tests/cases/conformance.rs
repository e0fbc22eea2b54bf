//! The built server against `openapi.json`: schemathesis generates requests from it, valid and invalid, single and in
//! sequences, and validates every response, with all of its checks and one of ours (tests/conformance).
//!
//! The short form runs always; the long one sends more requests: `-- --include-ignored`.

use std::{
    fs,
    process::{Command, ExitCode},
};

use ro_co_tests::{
    Options, Person, Server,
    needs::{self, Need, case},
    programs::{tools, workspace},
};

/// Maximum number of requests per operation while fuzzing, and of sequences of requests.
const SHORT: u32 = 100;
/// As [`SHORT`]; with this many, the three runs together send more than 20,000 requests.
const LONG: u32 = 200;

fn main() -> ExitCode {
    needs::main(vec![
        case("anonymous", &[Need::Python], || short("nobody")),
        case("user", &[Need::Python], || short("ada")),
        case("admin", &[Need::Python], || short("grace")),
        case("all_at_length", &[Need::Python], || {
            let made: u32 = ["nobody", "ada", "grace"].map(|who| conform(who, LONG)).iter().sum();
            println!("{made} requests, no failures");
            assert!(made >= 20_000, "only {made} requests");
        })
        .with_ignored_flag(true),
    ])
}

fn short(who: &str) {
    let made = conform(who, SHORT);
    assert!(made > 500, "only {made} requests");
}

/// Tries everything as anonymous (`nobody`), as a user (`ada`) or as an admin (`grace`); returns the number of requests.
fn conform(who: &str, examples: u32) -> u32 {
    let server = Server::start_with(Options::default().unlimited().args(&["--access-ttl", "2h"]));
    let place = tempfile::tempdir().unwrap();
    let files = workspace().join("tests/conformance");
    let mut settings = fs::read_to_string(files.join("schemathesis.toml")).unwrap();
    if who != "nobody" {
        settings += &credentials(&server, who);
    }
    fs::write(place.path().join("schemathesis.toml"), settings).unwrap();
    let output = Command::new(tools().join("python/bin/schemathesis"))
        .args(["run", &format!("{}/openapi.json", server.url()), "--max-examples", &examples.to_string()])
        .env("SCHEMATHESIS_HOOKS", files.join("hooks.py"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .current_dir(place.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "as {who}: {said}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(!server.log().contains("panicked"), "{}", server.log());
    requests(&said)
}

/// Signs `who` up and in, and writes their tokens as settings.
fn credentials(server: &Server, who: &str) -> String {
    let person = Person::sign_up(server, who);
    if who == "grace" {
        assert!(server.admin(&["admin", "grant", &person.email]).status.success());
    }
    format!(
        "\n[auth.openapi]\naccessToken = {{ bearer = \"{}\" }}\nrefreshToken = {{ bearer = \"{}\" }}\n",
        person.token, person.refresh
    )
}

/// What the summary says: `  1690 generated, 86 skipped`.
fn requests(said: &str) -> u32 {
    let (_, summary) = said.rsplit_once("Test cases:").unwrap_or_else(|| panic!("no summary: {said}"));
    summary.split_whitespace().next().and_then(|n| n.parse().ok()).unwrap_or_else(|| panic!("{summary}"))
}
