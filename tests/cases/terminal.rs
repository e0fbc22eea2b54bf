//! Terminal behaviour: sizes, pastes, signals, editors, and text from a hostile server.

use ro_co_tests::{
    Home, Person, Server, Stub, StubResponse, Terminal,
    steps::{ask, key, sign_in, sign_up},
    wait::until,
};
use rustix::process::Signal;
use serde_json::json;

#[test]
fn many_resizes_and_then_q() {
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
    // The key arrives together with the resize: both are handled.
    terminal.keys("q");
    assert!(terminal.left_clean().success());
}

#[test]
fn a_terminal_that_is_too_small_is_reported_and_recovers() {
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
    // Separately, because the two together are Alt-Ctrl-C.
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
    for (script, kept, said) in [
        ("exit 1", "My own words.", "as it was"),
        ("echo 'Saved before it fell.' > \"$1\"; exit 1", "Saved before it fell.", "is here"),
        ("exec no-such-editor \"$1\"", "My own words.", "was not found"),
    ] {
        let home = Home::at(&server);
        let editor = home.script("editor", script);
        let home = home.env("EDITOR", editor.to_str().unwrap());
        let terminal = Terminal::client(&home, &[]);
        sign_in_anybody(&terminal, &server);
        terminal.keys("a");
        terminal.wait("Title");
        terminal.keys(&format!("Kept{}My own words.", key::TAB));
        terminal.wait("My own words.");
        terminal.keys(key::CTRL_E);
        terminal.wait(kept);
        terminal.wait(said);
        terminal.wait("editor”");
    }
}

/// As a new user.
fn sign_in_anybody(terminal: &Terminal, server: &Server) {
    sign_in(terminal, &Person::anybody(server).email);
}

#[test]
fn a_signal_while_the_editor_runs_ends_both_and_keeps_the_text() {
    let server = Server::start();
    let ada = Person::sign_up(&server, "ada");
    let home = Home::at(&server);
    let started = home.path().join("started");
    let script = format!("echo 'Half of it.' > \"$1\"; touch {}; exec sleep 1000", started.display());
    let editor = home.script("editor", &script);
    let home = home.env("VISUAL", editor.to_str().unwrap());
    let mut terminal = Terminal::client(&home, &[]);
    sign_in(&terminal, &ada.email);
    terminal.keys("a");
    terminal.wait("Title");
    terminal.keys(&format!("Interrupted{}{}", key::TAB, key::CTRL_E));
    until("the editor", || started.exists().then_some(()));
    terminal.signal(Signal::TERM);
    assert!(terminal.left_clean().success());
    let again = Terminal::client(&home, &[]);
    sign_in(&again, &ada.email);
    again.keys("a");
    again.wait("Interrupted");
    again.wait("Half of it.");
}

#[test]
fn a_draft_belongs_to_one_user() {
    let server = Server::start();
    let (ada, bob) = (Person::sign_up(&server, "ada"), Person::sign_up(&server, "bob"));
    let home = Home::at(&server);
    let begin = |email: &str| {
        let terminal = Terminal::client(&home, &[]);
        sign_in(&terminal, email);
        terminal.keys("a");
        terminal.wait("Title");
        terminal
    };
    let mut adas = begin(&ada.email);
    adas.keys("A secret thought");
    adas.wait("A secret thought");
    adas.keys(key::CTRL_C);
    adas.left_clean();
    let mut bobs = begin(&bob.email);
    bobs.keys("Something else");
    bobs.wait("Something else");
    assert!(!bobs.screen().contains("secret"));
    bobs.keys(key::CTRL_C);
    bobs.left_clean();
    begin(&ada.email).wait("A secret thought");
}

#[test]
fn an_edit_changes_nothing_else() {
    let server = Server::start();
    let ada = Person::sign_up(&server, "ada");
    let persian = "\u{645}\u{6cc}\u{200c}\u{62e}\u{648}\u{627}\u{647}\u{645}\u{2028}\n\nand \u{feff}more";
    ada.post("/question", &json!({"title": "Zero\u{200c}width", "description": persian})).expect(201);
    let terminal = Terminal::client(&Home::at(&server), &[]);
    sign_in(&terminal, &ada.email);
    terminal.wait("Zerowidth");
    terminal.keys("e");
    terminal.wait("Title");
    terminal.wait("more");
    terminal.keys(&format!("!{}", key::CTRL_S));
    until("the edit", || (ada.questions()[0]["title"] == "Zero\u{200c}width!").then_some(()));
    assert_eq!(ada.questions()[0]["description"], persian);
}

#[test]
fn a_wrong_password_can_be_corrected() {
    let server = Server::start();
    let ada = Person::sign_up(&server, "ada");
    let terminal = Terminal::client(&Home::at(&server), &[]);
    terminal.wait("Create an account");
    terminal.keys(&format!("{}{}wrong{}", ada.email, key::TAB, key::ENTER));
    terminal.wait("password is wrong");
    terminal.keys(&format!("{}{}", ro_co_tests::person::PASSWORD, key::ENTER));
    terminal.wait("Questions (");
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
fn an_editor_that_spoils_the_terminal_does_not_spoil_the_shell() {
    let server = Server::start();
    let ada = Person::sign_up(&server, "ada");
    let home = Home::at(&server).env("PS1", "prompt> ");
    let editor = home.script("editor", "stty -echo -icanon; echo 'Written.' > \"$1\"");
    let home = home.env("EDITOR", editor.to_str().unwrap());
    let shell =
        Terminal::run(&home, "/bin/bash".as_ref(), &["--norc", "--noprofile", "--noediting", "-i"], 80, 24);
    shell.wait("prompt>");
    let modes = |n: u32| {
        shell.keys(&format!("stty -a | grep -c -e -echo\\  -e -icanon; echo looked $((40 + {n}))\r"));
        shell.wait(&format!("looked {}", 40 + n));
        let screen = shell.screen();
        let lines: Vec<_> = screen.lines().collect();
        let looked = lines.iter().rposition(|line| *line == format!("looked {}", 40 + n)).unwrap();
        lines[looked - 1].ends_with('0')
    };
    assert!(modes(1));
    shell.keys(&format!("{}\r", ro_co_tests::programs::program("ro-co").display()));
    sign_in(&shell, &ada.email);
    shell.keys("a");
    shell.wait("Title");
    shell.keys(&format!("Edited{}{}", key::TAB, key::CTRL_E));
    shell.wait("Written.");
    shell.keys(key::CTRL_Z);
    shell.wait("Stopped");
    assert!(modes(2), "while it is stopped");
    shell.keys("fg\r");
    shell.wait("Written.");
    shell.keys(key::CTRL_C);
    until("the shell", || shell.is_clean().then_some(()));
    assert!(modes(3), "after it has ended");
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
    terminal.keys(&format!("Written in a flood{}Every word of it.", key::TAB));
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
    // Sets the title and the clipboard, clears the screen, leaves the alternate screen, queries the terminal, reverses the text.
    let evil = "before\u{1b}]0;pwned\u{7}\u{1b}]52;c;cHduZWQ=\u{7}\u{1b}[2J\u{1b}[?1049l\u{1b}[6n\u{9b}31m\u{202e}\0after";
    question["title"] = json!(evil);
    question["description"] = json!(format!("{evil}\r\n{evil}"));
    question["author"]["username"] = json!(evil);
    let (list, one, login) = (json!([question]).to_string(), question.to_string(), login.text());
    let stub = Stub::start(move |request| match request.path.split('?').next().unwrap() {
        "/api/v1/auth/login" | "/api/v1/auth/refresh" => {
            StubResponse::ok("application/json; charset=utf-8", login.clone())
        }
        "/api/v1/question/all" => StubResponse::ok("application/json; charset=utf-8", list.clone()),
        path if path.starts_with("/api/v1/answer/all/") => {
            StubResponse::ok("application/json; charset=utf-8", "[]")
        }
        path if path.starts_with("/api/v1/question/") => {
            StubResponse::ok("application/json; charset=utf-8", one.clone())
        }
        _ => StubResponse::not_found(),
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
