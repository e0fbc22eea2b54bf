//! What a terminal does to a program: sizes, pastes, signals, editors, and text from a hostile server.

use ro_co_tests::{
    Home, Person, Said, Server, Stub, Terminal,
    steps::{ask, key, sign_in, sign_up},
    wait::until,
};
use rustix::process::Signal;
use serde_json::json;

#[test]
fn a_storm_of_sizes_and_then_q() {
    let server = Server::start();
    let ada = Person::sign_up(&server, "ada");
    for n in 0..30 {
        ada.ask(&format!("Question {n}"));
    }
    let home = Home::at(&server);
    let mut terminal = Terminal::client(&home, &[]);
    sign_in(&terminal, &ada.email);
    for n in 0..200_u16 {
        terminal.resize(1 + n * 37 % 160, 1 + n * 23 % 60);
    }
    terminal.resize(80, 24);
    terminal.wait("Questions (");
    terminal.resize(100, 30);
    // The key comes in the same moment as the size: both count.
    terminal.keys("q");
    assert!(terminal.left_clean().success());
}

#[test]
fn a_terminal_that_is_too_small_says_so_and_recovers() {
    let server = Server::start();
    let home = Home::at(&server);
    let mut terminal = Terminal::client(&home, &[]);
    sign_up(&terminal, "ada");
    for (columns, rows) in [(39, 12), (40, 11), (20, 5), (10, 2), (3, 1), (1, 1)] {
        terminal.resize(columns, rows);
        terminal.wait_gone("Questions (");
    }
    terminal.resize(40, 12);
    terminal.wait("Questions (");
    terminal.keys("?");
    terminal.wait("esc close");
    terminal.keys(key::ESC);
    // Apart, for the two together are Alt-Ctrl-C.
    terminal.wait_gone("esc close");
    terminal.keys(key::CTRL_C);
    assert!(terminal.left_clean().success());
}

#[test]
fn a_paste_of_ten_kilobytes_arrives_whole() {
    let server = Server::start();
    let terminal = Terminal::client(&Home::at(&server), &[]);
    sign_up(&terminal, "ada");
    let watcher = Person::sign_up(&server, "bob");
    // Just within the limit of 10,000 characters.
    let text = ["abcdefghijklmnopqrstuvwxyz"; 370].join("\n");
    terminal.keys("a");
    terminal.wait("Title");
    terminal.keys(&format!("Pasted{}", key::TAB));
    terminal.paste(&text.replace('\n', "\r"));
    terminal.keys(key::CTRL_S);
    until("the question", || (!watcher.questions().is_empty()).then_some(()));
    assert_eq!(watcher.questions()[0]["description"].as_str().unwrap(), text);
}

#[test]
fn ones_own_editor() {
    let server = Server::start();
    let home = Home::at(&server);
    let editor = home.script("editor", "echo 'Written in my own editor.' > \"$1\"");
    let home = home.env("EDITOR", editor.to_str().unwrap());
    let terminal = Terminal::client(&home, &[]);
    sign_up(&terminal, "ada");
    let watcher = Person::sign_up(&server, "bob");
    terminal.keys("a");
    terminal.wait("Title");
    terminal.keys(&format!("Edited outside{}", key::TAB));
    terminal.keys(key::CTRL_E);
    terminal.wait("Written in my own editor.");
    assert!(terminal.look(vt100::Screen::alternate_screen), "the client has the screen again");
    terminal.keys(key::CTRL_S);
    until("the question", || (!watcher.questions().is_empty()).then_some(()));
    assert_eq!(watcher.questions()[0]["description"], "Written in my own editor.");
}

#[test]
fn an_editor_that_fails_loses_nothing() {
    let server = Server::start();
    let home = Home::at(&server);
    let done = home.path().join("done");
    let editor = home.script("editor", &format!("echo lost > \"$1\"; touch {}; exit 1", done.display()));
    let home = home.env("EDITOR", editor.to_str().unwrap());
    let terminal = Terminal::client(&home, &[]);
    sign_up(&terminal, "ada");
    terminal.keys("a");
    terminal.wait("Title");
    terminal.keys(&format!("Kept{}My own words.", key::TAB));
    terminal.wait("My own words.");
    terminal.keys(key::CTRL_E);
    terminal.wait_for("the editor to be over", |screen| {
        screen.contains("My own words.") && !screen.contains("lost")
    });
}

#[test]
fn stopped_and_brought_back() {
    let server = Server::start();
    let home = Home::at(&server).env("PS1", "prompt> ");
    let mut shell =
        Terminal::run(&home, "/bin/bash".as_ref(), &["--norc", "--noprofile", "--noediting", "-i"], 80, 24);
    shell.wait("prompt>");
    shell.keys(&format!("{}\r", ro_co_tests::programs::program("ro-co").display()));
    sign_up(&shell, "ada");
    shell.keys(key::CTRL_Z);
    shell.wait("Stopped");
    assert!(shell.is_clean(), "the shell has the terminal as it was");
    shell.keys("echo still $((20 + 3)) here\r");
    shell.wait("still 23 here");
    shell.keys("fg\r");
    shell.wait("Questions (");
    shell.keys("q");
    until("the shell", || shell.is_clean().then_some(()));
    shell.keys("exit 3\r");
    assert_eq!(shell.left_clean().exit_code(), 3);
}

#[test]
fn signals_leave_a_clean_shell() {
    let server = Server::start();
    let ada = Person::sign_up(&server, "ada");
    for signal in [Signal::TERM, Signal::HUP, Signal::INT] {
        let home = Home::at(&server);
        let mut terminal = Terminal::client(&home, &[]);
        sign_in(&terminal, &ada.email);
        terminal.signal(signal);
        terminal.left_clean();
    }
}

#[test]
fn a_draft_survives_a_server_that_goes_away() {
    let mut server = Server::start();
    let home = Home::at(&server);
    let terminal = Terminal::client(&home, &[]);
    sign_up(&terminal, "ada");
    let ada = Person::sign_in(&server, "ada@example.org");
    terminal.keys("a");
    terminal.wait("Title");
    terminal.keys(&format!("Written in a storm{}Every word of it.", key::TAB));
    server.kill();
    terminal.keys(key::CTRL_S);
    terminal.wait("offline");
    terminal.wait("Every word of it.");
    server.restart_here();
    terminal.keys(key::CTRL_S);
    until("the question", || (!ada.questions().is_empty()).then_some(()));
    terminal.wait("Questions (");
    assert_eq!(ada.questions().len(), 1, "sent twice, posted once");
    assert_eq!(ada.questions()[0]["description"], "Every word of it.");
}

#[test]
fn a_draft_survives_the_client() {
    let server = Server::start();
    let ada = Person::sign_up(&server, "ada");
    let home = Home::at(&server);
    let mut terminal = Terminal::client(&home, &[]);
    sign_in(&terminal, &ada.email);
    terminal.keys("a");
    terminal.wait("Title");
    terminal.keys(&format!("Half a thought{}and the other half", key::TAB));
    terminal.wait("the other half");
    terminal.keys(key::CTRL_C);
    assert!(terminal.left_clean().success());
    let again = Terminal::client(&home, &[]);
    sign_in(&again, &ada.email);
    again.keys("a");
    again.wait("Half a thought");
    again.wait("and the other half");
}

#[test]
fn no_colour_when_none_is_wanted() {
    let server = Server::start();
    let home = Home::at(&server).env("NO_COLOR", "1").env("ROCO_AVATARS", "off");
    let terminal = Terminal::client(&home, &[]);
    sign_up(&terminal, "ada");
    ask(&terminal, "Black and white?", "");
    let coloured = terminal.look(|screen| {
        (0..24).flat_map(|row| (0..80).map(move |column| (row, column))).find(|&(row, column)| {
            let cell = screen.cell(row, column).unwrap();
            cell.fgcolor() != vt100::Color::Default || cell.bgcolor() != vt100::Color::Default
        })
    });
    assert_eq!(coloured, None, "{}", terminal.screen());
}

#[test]
fn hostile_text_is_shown_harmlessly() {
    let server = Server::start();
    let ada = Person::sign_up(&server, "ada");
    ada.ask("A model to copy");
    let mut question = ada.questions()[0].clone();
    let login = server.send(
        &ro_co_tests::Request::new("POST", "/api/v1/auth/login")
            .json(&json!({"email": ada.email, "password": ro_co_tests::person::PASSWORD})),
    );
    // Sets the title, the clipboard, clears the screen, leaves the alternate screen, asks for a report, reverses.
    let evil = "before\u{1b}]0;pwned\u{7}\u{1b}]52;c;cHduZWQ=\u{7}\u{1b}[2J\u{1b}[?1049l\u{1b}[6n\u{9b}31m\u{202e}\0after";
    question["title"] = json!(evil);
    question["description"] = json!(format!("{evil}\r\n{evil}"));
    question["author"]["username"] = json!(evil);
    let (list, one, login) = (json!([question]).to_string(), question.to_string(), login.text());
    let stub = Stub::start(move |heard| match heard.path.split('?').next().unwrap() {
        "/api/v1/auth/login" | "/api/v1/auth/refresh" => {
            Said::ok("application/json; charset=utf-8", login.clone())
        }
        "/api/v1/question/all" => Said::ok("application/json; charset=utf-8", list.clone()),
        path if path.starts_with("/api/v1/answer/all/") => Said::ok("application/json; charset=utf-8", "[]"),
        path if path.starts_with("/api/v1/question/") => {
            Said::ok("application/json; charset=utf-8", one.clone())
        }
        _ => Said::not_found(),
    });
    let home = Home::new().env("ROCO_SERVER", &stub.url());
    let mut terminal = Terminal::client(&home, &[]);
    sign_in(&terminal, &ada.email);
    terminal.wait("before");
    terminal.keys(key::ENTER);
    terminal.wait("after");
    assert!(terminal.look(vt100::Screen::alternate_screen), "still in charge of the screen");
    assert!(!terminal.screen().contains('\u{202e}'));
    assert_eq!(terminal.copies(), 0, "the clipboard was written");
    assert!(terminal.titles().iter().all(|title| !title.contains("pwned")), "{:?}", terminal.titles());
    terminal.keys(key::CTRL_C);
    assert!(terminal.left_clean().success());
}
