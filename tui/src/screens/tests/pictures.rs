//! Each screen in each of its states, in four sizes under each other.

use ratatui::{Terminal, backend::TestBackend, style::Style};
use ro_co_shared::{Answer, Code, Question};

use crate::{
    api::Failure,
    clean::Clean,
    model::Warning,
    msg::{Msg, Outcome},
    testing::{Client, answer, author, listing, offline, problem, question, questions, user, versioned},
};

const SIZES: [(u16, u16); 4] = [(40, 12), (60, 20), (80, 24), (120, 40)];

/// One test a state: `name => |width, height| client in that state`.
macro_rules! pictures {
    ($($name:ident => $client:expr;)*) => {$(
        #[test]
        fn $name() {
            let client: fn(u16, u16) -> Client = $client;
            let frames = SIZES.map(|(width, height)| framed(client(width, height), width, height));
            insta::with_settings!({omit_expression => true, prepend_module_to_snapshot => false}, {
                insta::assert_snapshot!(stringify!($name), frames.concat());
            });
        }
    )*};
}

/// The screen with a frame around it, so that its right edge is seen.
fn framed(mut client: Client, width: u16, height: u16) -> String {
    let edge = "─".repeat(usize::from(width));
    let rows: String = client
        .screen()
        .lines()
        .map(|line| {
            let gap = " ".repeat(usize::from(width) - crate::widgets::width(line));
            format!("│{line}{gap}│\n")
        })
        .collect();
    format!("{width} x {height}\n┌{edge}┐\n{rows}└{edge}┘\n\n")
}

/// Long words, wide characters, emoji of several code points, right-to-left text, code.
fn odd_question() -> Question {
    let mut odd = question(1);
    odd.title = "李小龍は言った：「水になれ」 👩‍👩‍👧‍👦 — Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft".into();
    odd.description = Some(
        "שלום עולם, ﾊﾝｶｸ ｶﾞｷﾞｸﾞ, 🏳️‍🌈 and e\u{301}\n\n  - an indented item that is long enough to be wrapped on every screen but the widest\n\n\
         ```\nfn main() {\n\tprintln!(\"{}\", \"a line of code that is longer than the screen of a small terminal is wide\");\n}\n```\n\
         https://example.org/a/very/long/address/without/any/place/to/break/it/whatsoever/index.html"
            .into(),
    );
    odd.author = author(1, "Žofie 李小龍 van der Überlang-Namenlos");
    odd
}

fn odd_answer() -> Answer {
    let mut odd = answer(2);
    odd.description = "👍👍🏽 はい。\n\tタブ\n    four spaces".into();
    odd.author = author(2, "李");
    odd
}

pictures! {
    start_loading => Client::started;
    start_failed => |w, h| {
        let mut client = Client::started(w, h);
        client.fail(offline());
        client
    };
    sign_in_empty => Client::signed_out;
    sign_in_failed => |w, h| {
        let mut client = Client::signed_out(w, h);
        client.text("ada@example.org");
        client.press("tab");
        client.text("wrong");
        client.press("enter");
        client.fail(problem(Code::InvalidCredentials, ""));
        client
    };
    sign_up_empty => |w, h| {
        let mut client = Client::signed_out(w, h);
        client.press("ctrl-n");
        client
    };
    sign_up_full => |w, h| {
        let mut client = Client::signed_out(w, h);
        client.press("ctrl-n");
        client.text("ada");
        client.wait(std::time::Duration::from_secs(1));
        client.answer(Outcome::NameFree(true));
        client.press("tab");
        client.text("nowhere");
        client.press("tab");
        client.text("password1234");
        client.press("ctrl-s");
        client
    };
    list_loading => Client::signed_in;
    list_empty => |w, h| Client::with(w, h, vec![]);
    list_full => |w, h| Client::with(w, h, questions(1..=30));
    list_failed => |w, h| {
        let mut client = Client::signed_in(w, h);
        client.fail(offline());
        client
    };
    list_stale_and_failed => |w, h| {
        let mut client = Client::with(w, h, questions(1..=30));
        client.press("R");
        client.fail(offline());
        client
    };
    list_odd => |w, h| Client::with(w, h, vec![odd_question(), question(2)]);
    detail_loading => |w, h| {
        let mut client = Client::with(w, h, questions(1..=3));
        client.press("enter");
        client
    };
    detail_empty => |w, h| Client::reading(w, h, question(1), vec![]);
    detail_full => |w, h| Client::reading(w, h, question(3), (1..=4).map(answer).collect());
    detail_failed => |w, h| {
        let mut client = Client::with(w, h, questions(1..=3));
        client.press("enter");
        for (req, _) in client.calls() {
            client.reply(req, Err(offline()));
        }
        client
    };
    detail_odd => |w, h| Client::reading(w, h, odd_question(), vec![odd_answer()]);
    compose_empty => |w, h| {
        let mut client = Client::with(w, h, vec![]);
        client.press("a");
        client
    };
    compose_full => |w, h| {
        let mut client = Client::with(w, h, vec![]);
        client.press("a");
        client.text("李小龍 asks: why? 👩‍👩‍👧");
        client.press("tab");
        client.send(Msg::Paste("Some words that go on and on until the line is full and must be wrapped somewhere.\n\n    indented\n".repeat(3)));
        client
    };
    compose_failed => |w, h| {
        let mut client = Client::with(w, h, vec![]);
        client.press("a");
        client.text("Why?");
        client.press("ctrl-s");
        client.fail(offline());
        client
    };
    compose_refused => |w, h| {
        let mut client = Client::reading(w, h, question(1), vec![]);
        client.press("r ctrl-s");
        client
    };
    compose_loading => |w, h| {
        let mut client = Client::with(w, h, questions(1..=3));
        client.press("e");
        client
    };
    compose_in_conflict => |w, h| {
        let mut client = Client::with(w, h, questions(1..=3));
        client.press("e");
        client.answer(Outcome::Question(versioned(question(1), "v1")));
        client.text("!");
        client.press("ctrl-s");
        client.fail(problem(Code::Stale, ""));
        client.answer(Outcome::Question(versioned(odd_question(), "v2")));
        client
    };
    confirm_delete => |w, h| {
        let mut client = Client::with(w, h, vec![odd_question()]);
        client.press("d");
        client
    };
    help_on_the_list => |w, h| {
        let mut client = Client::with(w, h, questions(1..=3));
        client.press("?");
        client
    };
    profile => |w, h| {
        let mut client = Client::with(w, h, vec![]);
        client.press("p");
        client
    };
    who_wrote_this => |w, h| {
        let mut client = Client::with(w, h, vec![odd_question()]);
        client.press("w");
        client
    };
    compose_too_long => |w, h| {
        let mut client = Client::with(w, h, vec![]);
        client.press("a");
        client.send(Msg::Paste("long ".repeat(60)));
        client.press("tab");
        client.send(Msg::Paste("A line of a text that is nearly too long.\n".repeat(230)));
        client
    };
    message_while_typing => |w, h| {
        let mut client = Client::with(w, h, vec![]);
        client.press("a");
        client.text("Why?");
        client.send(Msg::Error(Clean::line("Something went wrong, and this message is long enough to need a second line of its own.")));
        client
    };
    session_ended => |w, h| {
        let mut client = Client::with(w, h, questions(1..=3));
        client.press("R");
        client.fail(Failure::SignedOut);
        client.text("wrong");
        client.press("enter");
        client.fail(problem(Code::InvalidCredentials, ""));
        client
    };
    messages_and_a_warning => |w, h| {
        let mut client = Client::with(w, h, questions(1..=3));
        let full = Some("Sign-in not kept: no keyring service. --token-store file saves it.".into());
        client.send(Msg::Warning(Some(Warning { brief: "sign-in not saved: no keyring".into(), full })));
        client.send(Msg::Error(Clean::line("Something went wrong, and this message is long enough to need a second line of its own.")));
        client.send(Msg::Error(Clean::line("Short.")));
        client
    };
}

#[test]
fn too_small_says_so() {
    for (width, height) in [(39, 12), (40, 11), (20, 5), (10, 2), (3, 1), (2, 1)] {
        let mut client = Client::with(width, height, questions(1..=3));
        client.press("j enter ? esc q a");
        assert!(client.screen().starts_with(&"Terminal"[..usize::from(width).min(8)]), "{width}x{height}");
    }
}

#[test]
fn every_size_can_be_drawn_whatever_is_on_the_screen() {
    for width in (1..=130).step_by(7) {
        for height in 1..=45 {
            let mut client = Client::with(width, height, vec![odd_question(), question(2)]);
            client.screen();
            client.press("d");
            client.screen();
            client.press("n enter");
            client.screen();
            client.press("r");
            client.screen();
            client.press("f1");
            client.screen();
        }
    }
}

#[test]
fn a_resize_keeps_what_is_selected_on_the_screen() {
    let mut client = Client::with(80, 40, questions(1..=30));
    client.press("j j j j j j j j");
    for (width, height) in [(40, 12), (120, 40), (60, 13), (1, 1), (80, 24)] {
        client.send(Msg::Resize(ratatui::layout::Size::new(width, height)));
        if width >= 40 {
            assert!(client.screen().contains("▌"), "{width}x{height}: {}", client.screen());
        }
    }
    assert!(client.screen().lines().any(|line| line.starts_with('▌') && line.contains("Question 9:")));
}

/// The styles of a frame as runs, for text alone shows neither colour nor weight.
#[test]
fn styles_of_the_list() {
    let mut client = Client::with(40, 12, questions([3, 4]));
    let mut terminal = Terminal::new(TestBackend::new(40, 12)).unwrap();
    client.draw(&mut terminal);
    let buffer = terminal.backend().buffer();
    let mut runs: Vec<(u16, Style, String)> = Vec::new();
    for y in 0..12 {
        for x in 0..40 {
            let cell = &buffer[(x, y)];
            match runs.last_mut() {
                Some((row, style, text)) if *row == y && *style == cell.style() => {
                    text.push_str(cell.symbol());
                }
                _ => runs.push((y, cell.style(), cell.symbol().into())),
            }
        }
    }
    let told = runs.iter().filter(|(.., text)| !text.trim().is_empty());
    let told: String = told
        .map(|(row, style, text)| {
            let colour = style.fg.map_or(String::new(), |colour| format!("{colour} "));
            format!("{row:2} {colour}{:?} {:?}\n", style.add_modifier, text.trim_end())
        })
        .collect();
    insta::with_settings!({omit_expression => true, prepend_module_to_snapshot => false}, {
        insta::assert_snapshot!("styles_of_the_list", told);
    });
}

#[test]
fn a_user_without_a_name_or_rights_is_no_reason_to_fall_over() {
    let mut me = user(1, "");
    (me.email, me.role, me.created_at) = (None, None, None);
    let mut client = Client::started(40, 12);
    client.answer(Outcome::Resumed(Some(me)));
    client.answer(Outcome::Questions(listing(vec![], None)));
    client.press("p");
    client.screen();
}
