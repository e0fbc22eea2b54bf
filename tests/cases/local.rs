//! Local mode: `ro-co` with the server inside.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    process::{Command, Stdio},
};

use ro_co_tests::{
    Home, Request, Terminal,
    person::PASSWORD,
    programs::program,
    steps::{ask, key, sign_in, sign_up},
    wait::until,
};
use rustix::process::Signal;
use serde_json::json;

#[test]
fn local_mode_from_first_start_to_restart() {
    let home = Home::new();
    let mut terminal = Terminal::client(&home, &[]);
    sign_up(&terminal, "ada");
    terminal.wait("127.0.0.1:");
    ask(&terminal, "Does it work alone?", "Nothing was installed.");
    terminal.keys("q");
    assert!(terminal.left_clean().success());
    let again = Terminal::client(&home, &[]);
    sign_in(&again, "ada@example.org");
    again.wait("Does it work alone?");
}

#[test]
fn a_second_client_attaches_to_the_first() {
    let home = Home::new();
    let first = Terminal::client(&home, &[]);
    sign_up(&first, "ada");
    let mut second = Terminal::client(&home, &[]);
    sign_up(&second, "bob");
    ask(&second, "Do you see this?", "");
    first.keys("R");
    first.wait("Do you see this?");
    second.keys("q");
    assert!(second.left_clean().success());
    first.keys("R");
    first.wait("Do you see this?");
}

#[test]
fn two_data_directories_have_two_servers_on_two_ports() {
    let homes = [Home::new(), Home::new()];
    let terminals = homes.each_ref().map(|home| Terminal::client(home, &[]));
    let addresses = terminals.each_ref().map(|terminal| {
        sign_up(terminal, "ada");
        address(terminal)
    });
    assert_ne!(addresses[0], addresses[1]);
}

/// The socket address of the embedded server, from the screen.
#[track_caller]
fn address(terminal: &Terminal) -> SocketAddr {
    let screen = terminal.screen();
    let port = screen.split("127.0.0.1:").nth(1).unwrap_or_else(|| panic!("no address:\n{screen}"));
    let port: String = port.chars().take_while(char::is_ascii_digit).collect();
    (Ipv4Addr::LOCALHOST, port.parse().unwrap()).into()
}

#[test]
fn local_mode_limits_password_guesses_only() {
    let home = Home::new();
    let terminal = Terminal::client(&home, &[]);
    sign_up(&terminal, "ada");
    let server = address(&terminal);
    let log_in = |body| Request::new("POST", "/api/v1/auth/login").json(&body).send(server).unwrap().status;
    for _ in 0..700 {
        assert_eq!(log_in(json!({})), 400);
    }
    let guess = || log_in(json!({"email": "ada@example.org", "password": "not the password"}));
    let looked_at = (0..100).filter(|_| guess() == 401).count();
    assert!((5..=8).contains(&looked_at), "{looked_at} guesses of a hundred were looked at");
}

#[test]
fn a_killed_client_leaves_no_stale_lock() {
    let home = Home::new();
    let mut terminal = Terminal::client(&home, &[]);
    sign_up(&terminal, "ada");
    ask(&terminal, "Kept?", "");
    terminal.signal(Signal::KILL);
    terminal.ended();
    let again = Terminal::client(&home, &[]);
    sign_in(&again, "ada@example.org");
    again.wait("Kept?");
}

#[test]
fn the_demo_has_content_and_leaves_nothing() {
    let home = Home::new();
    let mut demo = Terminal::client_sized(&home, &["--demo"], 100, 30);
    demo.wait("Questions (");
    demo.wait_gone("No questions yet");
    demo.keys(key::ENTER);
    demo.wait_gone("Questions (");
    demo.keys(key::CTRL_C);
    assert!(demo.left_clean().success());
    let mut real = Terminal::client(&home, &[]);
    sign_up(&real, "ada");
    real.wait("No questions yet");
    real.keys("q");
    assert!(real.left_clean().success());
}

#[test]
fn without_a_terminal_it_says_what_to_do() {
    let home = Home::new();
    let output = Command::new(program("ro-co"))
        .env_clear()
        .envs(home.environment())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(said.contains("terminal") && said.contains("ro-co-server"), "{said}");
    assert!(!said.contains("panicked"), "{said}");
}

#[test]
fn the_second_client_takes_over_serving() {
    for how in [Ending::Quit, Ending::Killed] {
        let home = Home::new();
        let mut first = Terminal::client(&home, &[]);
        sign_up(&first, "ada");
        let second = Terminal::client(&home, &[]);
        sign_up(&second, "bob");
        let third = Terminal::client(&home, &[]);
        sign_up(&third, "eve");
        second.keys("a");
        second.wait("Title");
        second.keys("Who serves me now?");
        second.wait("Who serves me now?");
        how.end(&mut first);
        second.keys(key::CTRL_S);
        second.wait("Questions (1)");
        second.wait("online");
        third.keys("R");
        third.wait("Who serves me now?");
        assert_eq!(address(&second), address(&third), "the third one follows the second");
    }
}

enum Ending {
    Quit,
    Killed,
}

impl Ending {
    fn end(&self, terminal: &mut Terminal) {
        match self {
            Self::Quit => {
                terminal.keys(key::CTRL_C);
                assert!(terminal.left_clean().success());
            }
            Self::Killed => {
                terminal.signal(Signal::KILL);
                terminal.ended();
            }
        }
    }
}

#[test]
fn a_reused_port_receives_no_token() {
    let home = Home::new();
    // Another test may take the port first: retry.
    let (attached, old, stranger) = until("a port for a stranger", || {
        let mut first = Terminal::client(&home, &[]);
        first.wait("Create an account");
        let attached = Terminal::client(&home, &[]);
        attached.wait("Create an account");
        let old = address(&attached);
        Ending::Killed.end(&mut first);
        let stranger = TcpListener::bind(old).ok()?;
        Some((attached, old, stranger))
    });
    stranger.set_nonblocking(true).unwrap();
    sign_up(&attached, "ada");
    assert_ne!(address(&attached), old, "it serves itself now, elsewhere");
    assert!(stranger.accept().is_err(), "somebody who is no server of ours was spoken to");
}

#[test]
fn another_data_directory_is_another_sign_in() {
    let home = Home::new().env("ROCO_TOKEN_STORE", "file");
    let mut usual = Terminal::client(&home, &[]);
    sign_up(&usual, "ada");
    Ending::Quit.end(&mut usual);
    let other = home.path().join("other");
    let mut elsewhere = Terminal::client(&home, &["--data-dir", other.to_str().unwrap()]);
    sign_up(&elsewhere, "bob");
    Ending::Quit.end(&mut elsewhere);
    for (args, name) in [(&[][..], "ada"), (&["--data-dir", "./other/../other"], "bob")] {
        let mut again = Terminal::client(&home, args);
        again.wait("Questions (");
        assert!(again.screen().lines().next().unwrap().trim_end().ends_with(name), "{}", again.screen());
        Ending::Quit.end(&mut again);
    }
    // The usual one, named.
    let usual_dir = home.path().join("data/ro-co");
    let named = Terminal::client(&home, &["--data-dir", usual_dir.to_str().unwrap()]);
    named.wait("Questions (");
}

#[test]
fn the_demo_keeps_no_pictures_and_obeys_its_flag() {
    let home = Home::new().env("ROCO_SERVER", "http://127.0.0.1:1").env("ROCO_DATA_DIR", "/nonexistent");
    let mut demo = Terminal::client_sized(&home, &["--demo"], 100, 30);
    demo.wait("Questions (");
    demo.wait_for("coloured blocks", |screen| screen.contains(['▀', '▄', '█', '▌', '▐', '▙', '▟']));
    Ending::Quit.end(&mut demo);
    for place in ["cache", "state", "data"] {
        let left: Vec<_> = std::fs::read_dir(home.path().join(place)).unwrap().collect();
        assert!(left.is_empty(), "{place}: {left:?}");
    }
}

#[test]
fn error_messages_name_the_program() {
    for (args, said) in [
        (&[][..], "this needs a terminal"),
        (&["whoami", "--server", "http://example.org"], "--insecure"),
        (&["whoami", "--data-dir", "/dev/null/x"], "--data-dir"),
    ] {
        let home = Home::new();
        let output = Command::new(program("ro-co"))
            .args(args)
            .env_clear()
            .envs(home.environment())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let line = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2));
        assert!(line.starts_with("ro-co: ") && line.contains(said), "{line}");
    }
}

#[test]
fn a_terminal_that_goes_away_ends_the_client_cleanly() {
    // In a session with a terminal of its own there is a SIGHUP; in one without, only the end of the terminal itself.
    for session in ["", "setsid --wait"] {
        let home = Home::new();
        let mut terminal = Terminal::client(&home, &[]);
        sign_up(&terminal, "ada");
        ask(&terminal, "Is anybody there?", "");
        Ending::Quit.end(&mut terminal);
        for last in ["", key::ENTER, "a"] {
            let status = home.path().join("status");
            let _ = std::fs::remove_file(&status);
            // `script` gives it another terminal, which ends with `script`; the shell outlives that to tell how it was.
            let client = program("ro-co");
            let line = format!("trap '' HUP; {session} {}; echo $? > {}", client.display(), status.display());
            let mut between =
                Terminal::run(&home, "script".as_ref(), &["-q", "-c", &line, "/dev/null"], 80, 24);
            sign_in(&between, "ada@example.org");
            between.wait("Is anybody there?");
            between.keys(last);
            match last {
                "a" => {
                    between.wait("Title");
                    between.keys("Half a thought");
                    between.wait("Half a thought");
                }
                "" => {}
                _ => between.wait("No answers yet"),
            }
            between.signal(Signal::KILL);
            between.ended();
            let code = until("the client's end", || {
                std::fs::read_to_string(&status).ok().filter(|code| code.ends_with('\n'))
            });
            assert_eq!(code.trim(), "0", "{session:?}, on {last:?}");
            assert!(!home.path().join("data/ro-co/server.address").exists(), "the server was stopped");
        }
        let again = Terminal::client(&home, &[]);
        sign_in(&again, "ada@example.org");
        again.keys("a");
        again.wait("Half a thought");
    }
}

#[test]
fn an_owner_that_is_stopped_is_named_at_once() {
    let home = Home::new();
    let first = Terminal::client(&home, &[]);
    sign_up(&first, "ada");
    let pid = first.pid().unwrap();
    first.signal(Signal::STOP);
    let output = until("the owner to be stopped", || {
        let output = Command::new(program("ro-co"))
            .arg("whoami")
            .env_clear()
            .envs(home.environment())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        (output.status.code() == Some(2)).then_some(output)
    });
    let line = String::from_utf8_lossy(&output.stderr);
    assert!(
        line.contains(&format!("process {pid}")) && line.contains(&format!("kill -CONT {pid}")),
        "{line}"
    );
    first.signal(Signal::CONT);
}

#[test]
fn an_empty_variable_is_as_good_as_none() {
    let home = ["ROCO_SERVER", "ROCO_TOKEN_STORE", "ROCO_AVATARS", "ROCO_DATA_DIR", "ROCO_LOG_LEVEL"]
        .into_iter()
        .fold(Home::new(), |home, name| home.env(name, ""));
    let terminal = Terminal::client(&home.env("ROCO_TOKEN_STORE", "none"), &[]);
    terminal.wait("Create an account");
    for (name, value, said) in
        [("ROCO_AVATARS", "loud", "ROCO_AVATARS"), ("ROCO_SERVER", "http://example.org", "ROCO_SERVER")]
    {
        let output = Command::new(program("ro-co"))
            .arg("whoami")
            .env_clear()
            .envs(Home::new().env(name, value).environment())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let line = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(2) && line.contains(said), "{line}");
    }
}

#[test]
fn the_log_is_kept_and_printed_and_holds_no_secret() {
    let home = Home::new().env("ROCO_TOKEN_STORE", "file");
    let logs = |home: &Home| {
        Command::new(program("ro-co")).arg("logs").env_clear().envs(home.environment()).output().unwrap()
    };
    let none = logs(&home);
    assert!(!none.status.success() && String::from_utf8_lossy(&none.stderr).contains("no log"), "{none:?}");
    let mut terminal = Terminal::client(&home, &["--log-level", "trace"]);
    sign_up(&terminal, "ada");
    ask(&terminal, "A private thought", "");
    let pid = terminal.pid().unwrap();
    Ending::Quit.end(&mut terminal);
    let token = std::fs::read_to_string(home.path().join("state/ro-co/token-local")).unwrap();
    let output = logs(&home);
    let log = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && log.contains("Client started"), "{log}");
    assert!(log.lines().all(|line| line.contains(&format!("[{pid}]"))), "{log}");
    assert!(log.contains("ro_co_server"), "the embedded server's: {log}");
    for secret in [PASSWORD, token.trim(), "ada@example.org", "A private thought"] {
        assert!(!log.contains(secret), "{secret}: {log}");
    }
    let mut off = Terminal::client(&Home::new(), &["--log-level", "off"]);
    off.wait("Create an account");
    Ending::Quit.end(&mut off);
}
