//! The refresh token in a real keyring: log in once.

use std::process::{Command, ExitCode};

use ro_co_tests::{
    Home, Keyring, Person, Server, Terminal,
    needs::{self, Need, case},
    programs::program,
    steps::{key, sign_in},
    wait::until,
};

fn main() -> ExitCode {
    needs::main(vec![
        case("signed_in_once_is_signed_in_at_the_next_start", &[Need::Keyring], silent),
        case("logging_out_takes_the_token_away", &[Need::Keyring], log_out),
        case("a_keyring_that_is_gone_means_memory_only", &[Need::Keyring], gone),
        case("plain_commands_use_the_same_session", &[Need::Keyring], commands),
    ])
}

/// What the keyring holds for this server.
fn kept(keyring: &Keyring, server: &Server) -> Option<String> {
    keyring.lookup("ro-co", &server.watched_url())
}

fn silent() {
    let (server, keyring) = (Server::start(), Keyring::start());
    let ada = Person::sign_up(&server, "ada");
    let home = Home::at(&server).keyring(&keyring);
    let mut first = Terminal::client(&home, &[]);
    sign_in(&first, &ada.email);
    let token = until("the token in the keyring", || kept(&keyring, &server));
    assert_eq!(token.split('.').count(), 3, "a refresh token, a JWT");
    assert!(!token.contains(ro_co_tests::person::PASSWORD));
    first.keys("q");
    assert!(first.left_clean().success());

    for _ in 0..2 {
        let mut next = Terminal::client(&home, &[]);
        next.wait("Questions (");
        assert!(!next.screen().contains("Password"));
        next.keys(key::CTRL_C);
        assert!(next.left_clean().success());
    }
    let left_behind = Command::new("grep").args(["-rlF", &token]).arg(home.path()).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&left_behind.stdout), "", "the token lies in a file");
}

fn log_out() {
    let (server, keyring) = (Server::start(), Keyring::start());
    let ada = Person::sign_up(&server, "ada");
    let home = Home::at(&server).keyring(&keyring);
    let terminal = Terminal::client(&home, &[]);
    sign_in(&terminal, &ada.email);
    let token = until("the token in the keyring", || kept(&keyring, &server));
    terminal.keys("p");
    terminal.wait(&ada.email);
    terminal.keys("L");
    terminal.wait_for("the sign-in form, or a question first", |s| {
        s.contains("Create an account") || s.contains("y ")
    });
    if !terminal.screen().contains("Create an account") {
        terminal.keys("y");
    }
    terminal.wait("Create an account");
    until("the token to go", || kept(&keyring, &server).is_none().then_some(()));
    let refresh = ro_co_tests::Request::new("POST", "/api/v1/auth/refresh").bearer(&token);
    server.send(&refresh).problem(401);
}

fn gone() {
    let (server, keyring) = (Server::start(), Keyring::start());
    let ada = Person::sign_up(&server, "ada");
    let home = Home::at(&server).keyring(&keyring).env("ROCO_TOKEN_STORE", "auto");
    drop(keyring);
    let mut terminal = Terminal::client(&home, &[]);
    sign_in(&terminal, &ada.email);
    terminal.wait("keyring");
    terminal.keys("q");
    assert!(terminal.left_clean().success());
}

fn commands() {
    let (server, keyring) = (Server::start(), Keyring::start());
    let ada = Person::sign_up(&server, "ada");
    let home = Home::at(&server).keyring(&keyring);
    let whoami = || {
        Command::new(program("ro-co")).arg("whoami").env_clear().envs(home.environment()).output().unwrap()
    };
    assert!(!whoami().status.success(), "not signed in yet");
    let terminal = Terminal::client(&home, &[]);
    sign_in(&terminal, &ada.email);
    until("the token in the keyring", || kept(&keyring, &server));
    let said = whoami();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    assert!(String::from_utf8_lossy(&said.stdout).contains("ada"));
    // The other client continues: both share one stored token.
    terminal.keys("R");
    terminal.wait("Questions (");
}
