//! The built client in a terminal, against the built server.

use std::process::Command;

use ro_co_tests::{
    Home, Options, Person, Server, Terminal,
    contract::Contract,
    programs::program,
    recorder::Recorder,
    steps::{ask, key, sign_in, sign_up},
    wait::until,
};

#[test]
fn two_people_and_a_question() {
    let server = Server::start();
    let (homes, bob) = ([Home::at(&server), Home::at(&server)], Person::sign_up(&server, "bob"));
    let mut adas = Terminal::client(&homes[0], &[]);
    sign_up(&adas, "ada");
    adas.wait("No questions yet");
    ask(&adas, "Why does it not compile?", "It says E0502.");

    let bobs = Terminal::client(&homes[1], &[]);
    sign_in(&bobs, &bob.email);
    bobs.wait("Why does it not compile?");
    bobs.keys("r");
    bobs.wait("Answer");
    bobs.keys(&format!("Borrow it later.{}", key::CTRL_S));
    until("the answer", || (bob.questions()[0]["answerCount"] == 1).then_some(()));

    adas.keys("R");
    adas.wait("1 answer");
    adas.keys(key::ENTER);
    adas.wait("Borrow it later.");
    adas.keys("m");
    until("the mark", || (bob.questions()[0]["answered"] == true).then_some(()));
    adas.keys("q");
    adas.wait("Questions (1");
    adas.keys("q");
    assert!(adas.left_clean().success());
}

#[test]
fn a_server_below_a_path() {
    let server = Server::start_with(Options::default().args(&["--base-path", "/roco"]));
    let proxy = Recorder::below("/roco", server.address);
    let url = format!("http://{}/roco", proxy.address);
    let home = Home::new().env("ROCO_SERVER", &format!("{url}/")).env("ROCO_TOKEN_STORE", "file");
    let mut terminal = Terminal::client(&home, &[]);
    sign_up(&terminal, "ada");
    ask(&terminal, "Does it work below a path?", "");
    until("a picture", || {
        proxy
            .exchanges()
            .into_iter()
            .find(|e| e.target.contains("/icon.png"))
            .filter(|e| e.reply.status == 200)
    });
    terminal.keys("q");
    assert!(terminal.left_clean().success());

    let whoami = |server: &str| {
        let mut client = Command::new(program("ro-co"));
        client.args(["whoami", "--server", server]).env_clear().envs(home.environment()).output().unwrap()
    };
    let said = whoami(&url);
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    assert_eq!(String::from_utf8_lossy(&said.stdout), format!("ada <ada@example.org> on {url}\n"));
    // Another server of the same host does not get this one's token.
    let other = whoami(&format!("http://{}", proxy.address));
    assert!(!other.status.success() && String::from_utf8_lossy(&other.stderr).contains("not signed in"));
    // A proxy that passes the path on.
    let bob = Person::sign_up(&server, "bob");
    let direct = Home::new().env("ROCO_SERVER", &format!("http://{}/roco", server.address));
    let terminal = Terminal::client(&direct, &[]);
    sign_in(&terminal, &bob.email);
    terminal.wait("Does it work below a path?");

    let contract = Contract::load();
    let found: Vec<_> = proxy.exchanges().iter().flat_map(|e| contract.findings(e)).collect();
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn editing_and_deleting() {
    let server = Server::start();
    let home = Home::at(&server);
    let terminal = Terminal::client(&home, &[]);
    sign_up(&terminal, "ada");
    let watcher = Person::sign_up(&server, "bob");
    ask(&terminal, "A typpo", "");
    terminal.keys("e");
    terminal.wait("Title");
    terminal.keys(&format!("{}A typo{}", "\x7f".repeat(7), key::CTRL_S));
    until("the edit", || (watcher.questions()[0]["title"] == "A typo").then_some(()));
    terminal.wait("Questions (1");
    terminal.wait("A typo");

    terminal.keys("d");
    terminal.wait("“A typo”");
    terminal.keys("n");
    terminal.wait_gone("“A typo”");
    assert_eq!(watcher.questions().len(), 1, "declined, so it is still there");
    terminal.keys("d");
    terminal.wait("“A typo”");
    terminal.keys("y");
    terminal.wait("No questions yet");
    assert!(watcher.questions().is_empty());
}

#[test]
fn what_is_wrong_is_said_while_typing() {
    let server = Server::start();
    Person::sign_up(&server, "bob");
    let terminal = Terminal::client(&Home::at(&server), &[]);
    terminal.wait("Create an account");
    terminal.keys(key::CTRL_N);
    terminal.wait("New account");
    terminal.keys("BO");
    terminal.wait("must have at least 3 characters");
    terminal.keys("B");
    terminal.wait("taken");
    let (row, column) = terminal.look(|screen| {
        let lines: Vec<_> = screen.rows(0, 80).collect();
        let row = lines.iter().position(|line| line.contains("taken")).unwrap();
        let byte = lines[row].find("taken").unwrap();
        (row, lines[row][..byte].chars().count())
    });
    let colour =
        terminal.look(|s| s.cell(row.try_into().unwrap(), column.try_into().unwrap()).unwrap().fgcolor());
    assert_ne!(colour, vt100::Color::Default, "a taken name is shown in a colour of its own");
    terminal.keys(&format!("by{}nowhere{}weak", key::TAB, key::TAB));
    terminal.wait("must have at least 10 characters");
    terminal.keys(key::CTRL_S);
    terminal.wait("is not an email address");
}

#[test]
fn logging_out_ends_the_session_on_the_server() {
    let server = Server::start();
    let terminal = Terminal::client(&Home::at(&server), &[]);
    sign_up(&terminal, "ada");
    terminal.keys("p");
    terminal.wait("ada@example.org");
    terminal.keys("L");
    terminal.wait_for("the sign-in form, or a question first", |s| {
        s.contains("Create an account") || s.contains("y ")
    });
    if !terminal.screen().contains("Create an account") {
        terminal.keys("y");
    }
    terminal.wait("Create an account");
}

#[test]
fn the_client_refreshes_silently() {
    let server = Server::start_with(ro_co_tests::Options::default().args(&["--access-ttl", "1s"]));
    let watcher = Person::sign_up(&server, "bob");
    let terminal = Terminal::client(&Home::at(&server), &[]);
    sign_up(&terminal, "ada");
    // Because of the leeway, the first access token is certainly expired once a token of the same age is refused.
    until_refused(&watcher);
    ask(&terminal, "Still signed in?", "");
    terminal.wait("Still signed in?");
}

/// Waits until this person's access token has expired.
fn until_refused(person: &Person) {
    let limit = std::time::Duration::from_mins(1);
    let refused =
        ro_co_tests::wait::until_within(limit, || (person.get("/user/me").status == 401).then_some(()));
    assert!(refused.is_some(), "the token never expired");
}

#[test]
fn a_click_selects_and_a_second_one_opens() {
    let server = Server::start();
    let ada = Person::sign_up(&server, "ada");
    let id = ada.ask("The first question");
    ada.ask("The second question");
    ada.answer(&id, "Found by clicking.");
    let terminal = Terminal::client_sized(&Home::at(&server), &[], 100, 30);
    sign_in(&terminal, &ada.email);
    terminal.wait("The first question");
    terminal.click_on("The first question");
    terminal.click_on("The first question");
    terminal.wait("Found by clicking.");
}

#[test]
fn avatars_are_shown_beside_the_names() {
    let server = Server::start();
    let ada = Person::sign_up(&server, "ada");
    ada.ask("Do I have a face?");
    let terminal = Terminal::client_sized(&Home::at(&server), &[], 100, 30);
    sign_in(&terminal, &ada.email);
    terminal.wait("Do I have a face?");
    terminal.wait_for("coloured blocks", |screen| {
        screen.contains(['▀', '▄', '█', '▌', '▐', '▗', '▖', '▘', '▝', '▛', '▜', '▙', '▟', '▚', '▞'])
    });
}
