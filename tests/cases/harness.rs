//! Tests of the harness: a broken terminal or a shared keyring would invalidate other cases.

use std::{
    path::Path,
    process::{Command, ExitCode, Stdio},
};

use ro_co_tests::{
    Home, Keyring, Request, Stub, StubResponse, Terminal,
    needs::{self, Need, case},
};

fn main() -> ExitCode {
    needs::main(vec![
        case("a_terminal_answers_what_it_is_asked", &[], answers),
        case("a_terminal_notices_what_is_left_in_disorder", &[], disorder),
        case("a_terminal_passes_keys_and_sizes_on", &[], keys),
        case("a_home_has_nothing_of_the_callers", &[], environment),
        case("keyrings_are_private", &[Need::Keyring], keyrings),
        case("a_stub_says_what_it_is_told", &[], stub),
    ])
}

fn shell(script: &str) -> Terminal {
    Terminal::run(&Home::new(), Path::new("/bin/sh"), &["-c", script], 80, 24)
}

fn answers() {
    let mut terminal = shell(
        "stty raw -echo; printf '\\033[c'; printf 'attributes '; dd bs=1 count=9 2>/dev/null | tail -c 7; \
         printf '\\033[3;5H\\033[6n'; dd bs=1 count=6 2>/dev/null | tail -c 5; stty sane; echo; echo done",
    );
    terminal.wait("done");
    let screen = terminal.screen();
    assert!(screen.contains("attributes ?62;22c"), "{screen}");
    assert!(screen.contains("[3;5R"), "{screen}");
    assert!(terminal.left_clean().success());
}

fn disorder() {
    for mode in ["?1049", "?25", "?2004", "?1000"] {
        let terminal =
            shell(&format!("printf '\\033[{mode}{}'; echo done", if mode == "?25" { 'l' } else { 'h' }));
        terminal.wait("done");
        assert!(!terminal.is_clean(), "{mode} was not noticed");
    }
}

fn keys() {
    let mut terminal = shell(
        "trap 'stty size' WINCH; echo ready; while ! read -r line; do :; done; echo \"got $line\"; exit 7",
    );
    terminal.wait("ready");
    terminal.resize(100, 30);
    terminal.wait("30 100");
    terminal.keys("hello\r");
    terminal.wait("got hello");
    assert_eq!(terminal.ended().exit_code(), 7);
}

fn environment() {
    let mut terminal = shell("env | cut -d= -f1 | sort | tr '\\n' ' '; echo; echo done");
    terminal.wait("done");
    let screen = terminal.screen().replace('\n', "");
    for name in ["CARGO", "DBUS_SESSION_BUS_ADDRESS", "DISPLAY", "EDITOR"] {
        assert!(!screen.split(' ').any(|n| n == name), "{name} leaked: {screen}");
    }
    assert!(screen.contains("XDG_RUNTIME_DIR"), "{screen}");
    terminal.ended();
}

fn keyrings() {
    let (one, other) = (Keyring::start(), Keyring::start());
    let mut store = Command::new("secret-tool")
        .args(["store", "--label=test", "service", "ro-co", "username", "local"])
        .env("DBUS_SESSION_BUS_ADDRESS", &one.bus)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut store.stdin.take().unwrap(), b"secret").unwrap();
    assert!(store.wait().unwrap().success());
    assert_eq!(one.lookup("ro-co", "local").as_deref(), Some("secret"));
    assert_eq!(other.lookup("ro-co", "local"), None);
    assert_eq!(one.lookup("ro-co", "elsewhere"), None);
}

fn stub() {
    let stub = Stub::start(|request| match &*request.path {
        "/yes?x=1" => StubResponse::ok("text/plain", "yes"),
        _ => StubResponse::not_found(),
    });
    let yes = Request::new("GET", "/yes?x=1").send(stub.address).unwrap();
    assert_eq!((yes.status, yes.text().as_str()), (200, "yes"));
    assert_eq!(Request::new("POST", "/no").body("x").send(stub.address).unwrap().status, 404);
    assert_eq!(stub.requests().len(), 2);
}
