//! Test harness: a client without terminal, server or clock.

use std::{sync::OnceLock, time::Duration};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::{Terminal, backend::TestBackend, layout::Size};
use ro_co_shared::{
    Answer, AnswerId, Author, Code, Problem, Question, QuestionId, Role, Timestamp, User, UserId,
};
use uuid::Uuid;

use crate::{
    api::{Api, Failure, Listing, Origin, Versioned},
    avatar::{AvatarChoice, Avatars, Colours, Placements},
    chrome::view,
    clean::Clean,
    drafts::{Draft, DraftOf},
    input::{Hits, Pointer},
    model::cmd::{Cmd, Request},
    model::{Moment, ReqId, Server},
    msg::{Msg, Outcome},
    theme::Theme,
    token::{TokenStoreChoice, Tokens},
    update::{Model, start, update},
    widgets::Canvas,
};

/// The moment all tests begin at: 2025-11-22T13:22:07Z.
pub(crate) const NOW: Timestamp = Timestamp(1_763_817_727_120);

/// A client under test.
pub(crate) struct Client {
    pub(crate) model: Model,
    /// What it has asked for since this was last looked at.
    pub(crate) cmds: Vec<Cmd>,
    pub(crate) hits: Hits,
    keys: u128,
}

impl Client {
    /// Just started, looking for the session of last time.
    pub(crate) fn started(width: u16, height: u16) -> Self {
        let server = Server { address: Clean::line("http://127.0.0.1:8080"), sends_usernames: true };
        let model = Model::new(server, Theme::ansi(), Size::new(width, height));
        let mut client = Self { model, cmds: Vec::new(), hits: Hits::default(), keys: 0 };
        client.model.core.now = Moment { wall: NOW, run: Duration::from_secs(1) };
        client.cmds = start(&mut client.model);
        client
    }

    /// At the sign-in form.
    pub(crate) fn signed_out(width: u16, height: u16) -> Self {
        let mut client = Self::started(width, height);
        client.answer(Outcome::Resumed(None));
        client
    }

    /// Signed in as Ada, the list in flight.
    pub(crate) fn signed_in(width: u16, height: u16) -> Self {
        let mut client = Self::started(width, height);
        client.answer(Outcome::Resumed(Some(user(1, "ada"))));
        client
    }

    /// Signed in as Ada, with these questions in the list.
    pub(crate) fn with(width: u16, height: u16, questions: Vec<Question>) -> Self {
        let mut client = Self::signed_in(width, height);
        client.answer(Outcome::Questions(Listing { items: questions, next: None }));
        client
    }

    /// Signed in as Ada, on the page of a question with these answers.
    pub(crate) fn reading(width: u16, height: u16, question: Question, answers: Vec<Answer>) -> Self {
        let mut client = Self::with(width, height, vec![question.clone()]);
        client.press("enter");
        let calls = client.calls();
        let [(first, Request::Question(_)), (second, Request::Answers { .. })] = &calls[..] else {
            panic!("a page asks for its question and its answers, not for {calls:?}");
        };
        client.reply(*first, Ok(Outcome::Question(Versioned { value: question, etag: None })));
        client.reply(*second, Ok(Outcome::Answers(Listing { items: answers, next: None })));
        client
    }

    /// Something happens.
    pub(crate) fn send(&mut self, msg: Msg) {
        self.keys += 1;
        self.model.core.fresh_key = Uuid::from_u128(self.keys);
        self.cmds.extend(update(&mut self.model, msg));
    }

    /// Presses keys, named as in the key map.
    pub(crate) fn press(&mut self, keys: &str) {
        for key in keys.split(' ') {
            self.send(Msg::Key(key_event(key)));
        }
    }

    /// Types text.
    pub(crate) fn text(&mut self, text: &str) {
        for c in text.chars() {
            self.send(Msg::Key(KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE)));
        }
    }

    /// Clicks on a text that is on the screen.
    pub(crate) fn click(&mut self, text: &str) {
        let screen = self.screen();
        let (y, line) = screen.lines().enumerate().find(|(_, line)| line.contains(text)).unwrap();
        let x = crate::widgets::width(&line[..line.find(text).unwrap()]);
        let place = ratatui::layout::Position::new(u16::try_from(x).unwrap(), u16::try_from(y).unwrap());
        let hit = self.hits.at(place).unwrap_or_else(|| panic!("nothing to click at {text:?}"));
        self.send(Msg::Pointer(Pointer::Click(hit)));
    }

    /// Time passes, with all the ticks it brings.
    pub(crate) fn wait(&mut self, time: Duration) {
        let end = self.model.core.now.run + time;
        while let Some(wake) = self.model.wake().filter(|wake| *wake <= end) {
            self.advance(wake);
            self.send(Msg::Tick);
        }
        self.advance(end);
    }

    fn advance(&mut self, to: Duration) {
        let now = &mut self.model.core.now;
        let passed = to.saturating_sub(now.run);
        now.wall = now.wall.plus_millis(i64::try_from(passed.as_millis()).unwrap());
        now.run = to;
    }

    /// The requests since this was last asked; other commands are left alone.
    pub(crate) fn calls(&mut self) -> Vec<(ReqId, Request)> {
        let (calls, others): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.cmds).into_iter().partition(|cmd| matches!(cmd, Cmd::Request { .. }));
        self.cmds = others;
        let calls = calls.into_iter().map(|cmd| match cmd {
            Cmd::Request { req, call, .. } => (req, call),
            _ => unreachable!("partitioned above"),
        });
        calls.collect()
    }

    /// The one request since this was last asked.
    pub(crate) fn call(&mut self) -> (ReqId, Request) {
        let calls = self.calls();
        assert_eq!(calls.len(), 1, "one request expected, not {calls:?}");
        calls.into_iter().next().unwrap()
    }

    /// A request gets its answer.
    pub(crate) fn reply(&mut self, req: ReqId, answer: Result<Outcome, Failure>) {
        // Only that nobody was signed in needs no server.
        let heard = !matches!(answer, Ok(Outcome::Resumed(None)));
        self.send(Msg::Done { req, answer, heard });
    }

    /// The one request since this was last asked succeeds.
    pub(crate) fn answer(&mut self, outcome: Outcome) -> Request {
        let (req, call) = self.call();
        self.reply(req, Ok(outcome));
        call
    }

    /// The one request since this was last asked fails.
    pub(crate) fn fail(&mut self, failure: Failure) -> Request {
        let (req, call) = self.call();
        self.reply(req, Err(failure));
        call
    }

    /// The draft that was last saved.
    pub(crate) fn saved(&mut self) -> Option<(DraftOf, Draft)> {
        let saved = self.cmds.iter().rev().find_map(|cmd| match cmd {
            Cmd::SaveDraft { id, draft } => Some((id.of, draft.clone())),
            _ => None,
        });
        self.cmds.retain(|cmd| !matches!(cmd, Cmd::SaveDraft { .. }));
        saved
    }

    /// Whether it wants to end.
    pub(crate) fn has_quit(&self) -> bool {
        self.cmds.iter().any(|cmd| matches!(cmd, Cmd::Quit))
    }

    /// What the user sees, as text.
    pub(crate) fn screen(&mut self) -> String {
        let size = self.model.core.size;
        let mut terminal = Terminal::new(TestBackend::new(size.width, size.height)).unwrap();
        self.draw(&mut terminal);
        let buffer = terminal.backend().buffer();
        let mut text = String::new();
        for y in 0..size.height {
            let mut row = String::new();
            let mut skip = 0;
            for x in 0..size.width {
                if skip > 0 {
                    skip -= 1;
                    continue;
                }
                let symbol = buffer[(x, y)].symbol();
                skip = crate::widgets::width(symbol).saturating_sub(1);
                row.push_str(symbol);
            }
            text.push_str(row.trim_end());
            text.push('\n');
        }
        text
    }

    /// Draws one frame into any terminal.
    pub(crate) fn draw<B: ratatui::backend::Backend>(&mut self, terminal: &mut Terminal<B>)
    where
        B::Error: std::fmt::Debug,
    {
        let mut placements = Placements::default();
        self.hits.clear();
        let (model, hits) = (&self.model, &mut self.hits);
        terminal
            .draw(|frame| {
                let theme = model.core.theme;
                view(
                    model,
                    &mut Canvas { frame, hits, placements: &mut placements, avatars: avatars(), theme },
                );
            })
            .unwrap();
    }
}

/// Initials instead of pictures: no picture ever comes.
fn avatars() -> &'static Avatars {
    static AVATARS: OnceLock<Avatars> = OnceLock::new();
    AVATARS.get_or_init(|| {
        let origin = Origin::parse("http://127.0.0.1:9", false).unwrap();
        let tokens = Tokens::new(TokenStoreChoice::None, "test", None);
        Avatars::new(Api::new(origin, tokens).unwrap(), None, AvatarChoice::Off, Colours::True)
    })
}

fn key_event(name: &str) -> KeyEvent {
    let (modifiers, name) = match name.split_once('-') {
        Some(("ctrl", name)) => (KeyModifiers::CONTROL, name),
        Some(("alt", name)) => (KeyModifiers::ALT, name),
        Some(("alt+ctrl", name)) => (KeyModifiers::ALT | KeyModifiers::CONTROL, name),
        Some(("shift", "tab")) => (KeyModifiers::SHIFT, "backtab"),
        _ => (KeyModifiers::NONE, name),
    };
    let code = match name {
        "enter" => KeyCode::Enter,
        "esc" => KeyCode::Esc,
        "tab" => KeyCode::Tab,
        "backtab" => KeyCode::BackTab,
        "up" => KeyCode::Up,
        "down" => KeyCode::Down,
        "pgup" => KeyCode::PageUp,
        "pgdn" => KeyCode::PageDown,
        "home" => KeyCode::Home,
        "end" => KeyCode::End,
        "f5" => KeyCode::F(5),
        "backspace" => KeyCode::Backspace,
        _ => KeyCode::Char(name.chars().next().unwrap()),
    };
    KeyEvent::new(code, modifiers)
}

pub(crate) fn user(id: u128, name: &str) -> User {
    User {
        id: UserId(Uuid::from_u128(id)),
        username: name.into(),
        avatar_url: format!("/api/v1/user/{id}/icon?v=1"),
        email: Some(format!("{name}@example.org")),
        role: Some(Role::User),
        verified: Some(false),
        created_at: Some(NOW.plus_millis(-86_400_000)),
        suspended: Some(false),
        password_expires_at: None,
    }
}

pub(crate) fn author(id: u128, name: &str) -> Author {
    Author {
        id: UserId(Uuid::from_u128(id)),
        username: name.into(),
        avatar_url: format!("/api/v1/user/{id}/icon?v=1"),
    }
}

/// Question `n`, by Ada if `n` is odd, by Bob if it is even, asked `n` minutes ago.
pub(crate) fn question(n: u32) -> Question {
    let asked = NOW.plus_millis(-60_000 * i64::from(n));
    Question {
        id: QuestionId(Uuid::from_u128(u128::from(n))),
        title: format!("Question {n}: why does the borrow checker refuse this?"),
        description: Some(format!("I hold a `&mut` to list {n} while I iterate over it.")),
        created_at: asked,
        updated_at: asked,
        answered: n.is_multiple_of(3),
        answer_count: i32::try_from(n % 4).unwrap(),
        author: if n % 2 == 1 { author(1, "ada") } else { author(2, "bob") },
    }
}

pub(crate) fn questions(numbers: impl IntoIterator<Item = u32>) -> Vec<Question> {
    numbers.into_iter().map(question).collect()
}

/// Answer `n` to question 1, by Bob if `n` is even, by Ada if it is odd.
pub(crate) fn answer(n: u32) -> Answer {
    let given = NOW.plus_millis(-10_000 * i64::from(n));
    Answer {
        id: AnswerId(Uuid::from_u128(u128::from(n))),
        description: format!(
            "Answer {n}: collect what you want to remove first.\n\n```rust\nlist.retain(|x| x > {n});\n```"
        ),
        created_at: given,
        updated_at: given,
        question_id: QuestionId(Uuid::from_u128(1)),
        author: if n % 2 == 1 { author(1, "ada") } else { author(2, "bob") },
    }
}

pub(crate) fn versioned<T>(value: T, etag: &str) -> Versioned<T> {
    Versioned { value, etag: Some(etag.into()) }
}

pub(crate) fn listing<T>(items: Vec<T>, next: Option<&str>) -> Listing<T> {
    Listing { items, next: next.map(str::to_owned) }
}

pub(crate) fn offline() -> Failure {
    Failure::Offline(Clean::line("connection refused"))
}

pub(crate) fn problem(code: Code, detail: &str) -> Failure {
    Failure::Problem(Box::new(Problem::new(code, detail)))
}

/// Title and text of a request that sends one.
pub(crate) fn sent_text(request: &Request) -> (String, String) {
    match request {
        Request::Ask { text, .. } | Request::EditQuestion { text, .. } => {
            (text.title.to_string(), text.description.as_ref().map(ToString::to_string).unwrap_or_default())
        }
        Request::Reply { text, .. } | Request::EditAnswer { text, .. } => {
            (String::new(), text.description.to_string())
        }
        other => panic!("{other:?} sends no text"),
    }
}
