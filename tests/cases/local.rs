//! Local mode: `ro-co` alone is the whole thing.

use std::{
    net::{Ipv4Addr, SocketAddr},
    process::{Command, Stdio},
};

use ro_co_tests::{
    Home, Request, Terminal,
    programs::program,
    steps::{ask, key, sign_in, sign_up},
};
use rustix::process::Signal;
use serde_json::json;

#[test]
fn from_nothing_to_a_question_and_back_again() {
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
fn a_second_one_attaches_and_outlives_nothing() {
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
fn two_homes_are_two_worlds_on_two_ports() {
    let homes = [Home::new(), Home::new()];
    let terminals = homes.each_ref().map(|home| Terminal::client(home, &[]));
    let addresses = terminals.each_ref().map(|terminal| {
        sign_up(terminal, "ada");
        address(terminal)
    });
    assert_ne!(addresses[0], addresses[1]);
}

/// Where the server inside listens, as the screen says.
#[track_caller]
fn address(terminal: &Terminal) -> SocketAddr {
    let screen = terminal.screen();
    let port = screen.split("127.0.0.1:").nth(1).unwrap_or_else(|| panic!("no address:\n{screen}"));
    let port: String = port.chars().take_while(char::is_ascii_digit).collect();
    (Ipv4Addr::LOCALHOST, port.parse().unwrap()).into()
}

#[test]
fn nobody_is_told_to_slow_down_but_passwords_cannot_be_guessed_all_day() {
    let terminal = Terminal::client(&Home::new(), &[]);
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
fn a_power_cut_leaves_nothing_in_the_way() {
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
fn the_demo_is_no_empty_page_and_leaves_nothing() {
    let home = Home::new();
    let mut demo = Terminal::client_sized(&home, &["--demo"], 100, 30);
    demo.wait("Questions (");
    demo.wait_gone("Nobody has asked anything yet");
    demo.keys(key::ENTER);
    demo.wait_gone("Questions (");
    demo.keys(key::CTRL_C);
    assert!(demo.left_clean().success());
    let mut real = Terminal::client(&home, &[]);
    sign_up(&real, "ada");
    real.wait("Nobody has asked anything yet");
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
