//! The sign-in form, and the first thing a newcomer sees.

use std::time::Duration;

use crossterm::event::KeyEvent;
use ratatui::layout::Rect;
use secrecy::SecretString;

use super::Page;
use crate::{
    input::{Action, ActionInfo, Context, Hit},
    model::{Core, ErrorKind, ReqId, UiError, cmd::Request},
    msg::Outcome,
    nav::{Go, Route},
    texts::sign_in as texts,
    widgets::{Button, Canvas, Field, Form, Submission, form_view, paragraphs},
};

/// The sign-in form.
pub(crate) struct SignIn(Submission);

impl SignIn {
    /// A form with this in its first field, and with the reason why signing in did not work elsewhere.
    pub(crate) fn new(email: &str, trouble: Option<UiError>) -> Self {
        let fields = vec![
            Field::line("email", texts::EMAIL).hint(texts::EMAIL_HINT),
            Field::secret("password", texts::PASSWORD),
        ];
        let buttons = vec![
            Button { label: texts::SIGN_IN, action: Action::Submit },
            Button { label: texts::CREATE_ACCOUNT, action: Action::SignUp },
        ];
        let mut form = Form::new(fields, buttons);
        if !email.is_empty() {
            form.paste(email);
            form.focus = 1;
        }
        let mut submission = Submission::new(form);
        submission.trouble = trouble;
        Self(submission)
    }

    fn submit(&mut self, core: &mut Core) {
        if self.0.begin(&["email", "password"]) {
            let email = self.0.form.text("email").trim().to_owned();
            let password = SecretString::from(self.0.form.text("password"));
            self.0.send(core, Request::LogIn { email, password });
        }
    }
}

impl Page for SignIn {
    fn title(&self, _: &Core) -> String {
        texts::TITLE.into()
    }

    fn context(&self) -> Context {
        Context::Form
    }

    fn actions(&self, _: &Core) -> Vec<ActionInfo> {
        vec![
            ActionInfo::new(Action::Submit, "sign in").when(!self.0.is_sent()),
            ActionInfo::new(Action::SignUp, "new account"),
            ActionInfo::new(Action::Reveal, "show password"),
            ActionInfo::quiet(Action::Next, "next field"),
            ActionInfo::quiet(Action::Previous, "field before"),
            ActionInfo::new(Action::Exit, "quit"),
        ]
    }

    fn act(&mut self, core: &mut Core, action: Action) -> Go {
        match self.0.act(action) {
            Some(Action::Submit) => self.submit(core),
            Some(Action::SignUp) => return Go::To(Route::SignUp { email: self.0.form.text("email") }),
            _ => {}
        }
        Go::Stay
    }

    fn leaving(&mut self, core: &mut Core) {
        self.0.abort(core);
    }

    fn key(&mut self, _: &mut Core, key: KeyEvent) {
        self.0.key(key);
    }

    fn paste(&mut self, _: &mut Core, text: &str) {
        self.0.paste(text);
    }

    fn click(&mut self, _: &mut Core, hit: Hit) -> Go {
        self.0.click(hit);
        Go::Stay
    }

    fn awaits(&self, req: ReqId) -> bool {
        self.0.awaits(req)
    }

    fn done(&mut self, core: &mut Core, _: ReqId, answer: Result<Outcome, UiError>) -> Go {
        self.0.answered();
        match answer {
            Ok(Outcome::User(user)) => {
                core.me = Some(user.into());
                return Go::Home(Route::List);
            }
            Ok(_) => {}
            Err(trouble) => {
                let (unnamed, refused) = (trouble.fields.is_empty(), trouble.kind == ErrorKind::Refused);
                self.0.refused(trouble);
                // Typing goes on in the password; one that was refused makes room for another.
                if unnamed
                    && let Some(password) = self.0.form.focus_on("password")
                    && refused
                {
                    password.select();
                }
            }
        }
        Go::Stay
    }

    fn retry(&mut self, _: &mut Core) {
        self.0.retry();
    }

    fn waiting(&self) -> Option<Duration> {
        self.0.since()
    }

    fn view(&self, _: &Core, canvas: &mut Canvas, area: Rect) {
        let area = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
        let notes = std::iter::once((texts::WELCOME, canvas.theme.text)).chain(self.0.complaint(canvas));
        let rest = paragraphs(canvas, area, notes);
        let gap = u16::from(rest.height > 4);
        form_view(&self.0.form, canvas, Rect { y: rest.y + gap, height: rest.height - gap, ..rest });
    }
}
