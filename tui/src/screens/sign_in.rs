//! The sign-in form, and the first thing a newcomer sees.

use std::time::Duration;

use crossterm::event::KeyEvent;
use ratatui::layout::Rect;
use secrecy::SecretString;

use super::{Go, Page, Screen, SignUp};
use crate::{
    clean::Clean,
    cmd::Call,
    input::{Action, ActionInfo, Context, Hit},
    model::{Core, Kind, ReqId, Trouble},
    msg::Outcome,
    widgets::{Button, Canvas, Field, Form, form_view, paragraph},
};

/// The sign-in form.
pub(crate) struct SignIn {
    form: Form,
    sent: Option<(ReqId, Duration)>,
    trouble: Option<Trouble>,
}

impl SignIn {
    /// An empty form, or one that knows the address already.
    pub(crate) fn new(email: &str) -> Self {
        let fields = vec![
            Field::line("email", "E-mail").hint("name@example.org"),
            Field::secret("password", "Password"),
        ];
        let buttons = vec![
            Button { label: "Sign in", action: Action::Submit },
            Button { label: "Create an account", action: Action::SignUp },
        ];
        let mut form = Form::new(fields, buttons);
        if !email.is_empty() {
            form.paste(email);
            form.focus = 1;
        }
        Self { form, sent: None, trouble: None }
    }

    /// A form that knows the address, and why signing in did not work elsewhere.
    pub(crate) fn after(email: &str, trouble: Trouble) -> Self {
        Self { trouble: Some(trouble), ..Self::new(email) }
    }

    fn submit(&mut self, core: &mut Core) {
        if self.sent.is_some() {
            return;
        }
        self.form.absolve();
        self.trouble = None;
        let empty = ["email", "password"].into_iter().filter(|name| self.form.text(name).is_empty());
        let missing: Vec<_> = empty.map(|name| (name, Clean::line("is missing"))).collect();
        if self.form.blame(missing) {
            return;
        }
        let call = Call::LogIn {
            email: self.form.text("email").trim().to_owned(),
            password: SecretString::from(self.form.text("password")),
        };
        self.sent = Some((core.call(None, call), core.now.run));
    }
}

impl Page for SignIn {
    fn title(&self, _: &Core) -> String {
        "Sign in".into()
    }

    fn context(&self) -> Context {
        Context::Form
    }

    fn actions(&self, _: &Core) -> Vec<ActionInfo> {
        vec![
            ActionInfo::new(Action::Submit, "sign in").when(self.sent.is_none()),
            ActionInfo::new(Action::SignUp, "new account"),
            ActionInfo::new(Action::Reveal, "show password"),
            ActionInfo::quiet(Action::Next, "next field"),
            ActionInfo::quiet(Action::Previous, "field before"),
            ActionInfo::new(Action::Exit, "quit"),
        ]
    }

    fn act(&mut self, core: &mut Core, action: Action) -> Go {
        if self.form.act(action) {
            return Go::Stay;
        }
        match action {
            Action::Accept => {
                if let Some(action) = self.form.accept() {
                    return self.act(core, action);
                }
            }
            Action::Submit => self.submit(core),
            Action::SignUp => return Go::to(Screen::SignUp(Box::new(SignUp::new(&self.form.text("email"))))),
            Action::Editor => self.form.focused().into_iter().for_each(Field::to_end),
            _ => {}
        }
        Go::Stay
    }

    fn leaving(&mut self, core: &mut Core) {
        if let Some((req, _)) = self.sent.take() {
            core.abort(req);
        }
    }

    fn key(&mut self, _: &mut Core, key: KeyEvent) {
        self.form.key(key);
    }

    fn paste(&mut self, _: &mut Core, text: &str) {
        self.form.paste(text);
    }

    fn click(&mut self, _: &mut Core, hit: Hit) -> Go {
        self.form.click(hit);
        Go::Stay
    }

    fn awaits(&self, req: ReqId) -> bool {
        self.sent.is_some_and(|(sent, _)| sent == req)
    }

    fn done(&mut self, core: &mut Core, _: ReqId, answer: Result<Outcome, Trouble>) -> Go {
        self.sent = None;
        match answer {
            Ok(Outcome::User(user)) => {
                core.me = Some(user.into());
                return Go::home(Screen::List(Box::default()));
            }
            Ok(_) => {}
            Err(trouble) => {
                self.form.blame_for(&trouble);
                // Typing goes on in the password; one that was refused makes room for another.
                if trouble.fields.is_empty()
                    && let Some(password) = self.form.focus_on("password")
                    && trouble.kind == Kind::Refused
                {
                    password.select();
                }
                self.trouble = Some(trouble);
            }
        }
        Go::Stay
    }

    fn retry(&mut self, _: &mut Core) {
        self.trouble.take_if(|trouble| trouble.passes());
    }

    fn waiting(&self) -> Option<Duration> {
        self.sent.map(|(_, since)| since)
    }

    fn view(&self, _: &Core, canvas: &mut Canvas, area: Rect) {
        let theme = canvas.theme;
        let mut rest = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
        let welcome = "Questions and answers among students. Sign in, or create an account.";
        for (text, style) in
            [Some((welcome, theme.text)), self.trouble.as_ref().map(|t| (t.text.as_str(), theme.bad))]
                .into_iter()
                .flatten()
        {
            let taken = paragraph(canvas, rest, text, style);
            rest = Rect { y: rest.y + taken, height: rest.height.saturating_sub(taken), ..rest };
        }
        let gap = u16::from(rest.height > 4);
        form_view(&self.form, canvas, Rect { y: rest.y + gap, height: rest.height - gap, ..rest });
    }
}
