//! The session has ended: asks for the password over the screen, and everything goes on where it was.

use std::time::Duration;

use crossterm::event::KeyEvent;
use ratatui::layout::Rect;
use secrecy::SecretString;

use super::Overlay;
use crate::{
    clean::Clean,
    cmd::Call,
    input::{Action, ActionInfo, Hit},
    model::{Core, Kind, ReqId, Tone, Trouble},
    msg::Outcome,
    screens::Go,
    widgets::{Button, Canvas, Field, Form, form_view, paragraph},
};

/// Asks for the password.
pub(crate) struct SignInAgain {
    form: Form,
    sent: Option<(ReqId, Duration)>,
    trouble: Option<Clean>,
    /// What was open before and is open again afterwards.
    pub(crate) beneath: Option<Box<Overlay>>,
}

impl SignInAgain {
    /// Over whatever was there.
    pub(crate) fn new(_: &Core, beneath: Option<Overlay>) -> Self {
        let buttons = vec![
            Button { label: "Sign in", action: Action::Submit },
            Button { label: "Not now", action: Action::Back },
        ];
        let form = Form::new(vec![Field::secret("password", "Password")], buttons);
        Self { form, sent: None, trouble: None, beneath: beneath.map(Box::new) }
    }

    pub(super) fn actions(&self) -> Vec<ActionInfo> {
        vec![
            ActionInfo::new(Action::Submit, "sign in").when(self.sent.is_none()),
            ActionInfo::new(Action::Back, "not now"),
            ActionInfo::new(Action::Reveal, "show password"),
        ]
    }

    pub(super) fn act(&mut self, core: &mut Core, action: Action) -> Go {
        if self.form.act(action) {
            return Go::Stay;
        }
        match action {
            Action::Accept => self.form.accept().map_or(Go::Stay, |action| self.act(core, action)),
            Action::Submit => {
                self.submit(core);
                Go::Stay
            }
            Action::Editor => {
                self.form.focused().into_iter().for_each(Field::to_end);
                Go::Stay
            }
            Action::Back => {
                if let Some((req, _)) = self.sent.take() {
                    core.abort(req);
                }
                Go::GiveUp
            }
            _ => Go::Stay,
        }
    }

    fn submit(&mut self, core: &mut Core) {
        let (None, Some(me)) = (self.sent, &core.me) else { return };
        self.form.absolve();
        self.trouble = None;
        let password = self.form.text("password");
        if password.is_empty() {
            self.form.blame([("password", Clean::line("is missing"))]);
            return;
        }
        let call =
            Call::LogIn { email: me.email.as_str().to_owned(), password: SecretString::from(password) };
        self.sent = Some((core.call(None, call), core.now.run));
    }

    pub(super) fn key(&mut self, key: KeyEvent) {
        self.form.key(key);
    }

    pub(super) fn paste(&mut self, text: &str) {
        self.form.paste(text);
    }

    pub(super) fn click(&mut self, hit: Hit) {
        self.form.click(hit);
    }

    pub(super) fn awaits(&self, req: ReqId) -> bool {
        self.sent.is_some_and(|(sent, _)| sent == req)
    }

    pub(super) fn done(&mut self, core: &mut Core, answer: Result<Outcome, Trouble>) -> Go {
        self.sent = None;
        match answer {
            Ok(Outcome::User(user)) => {
                core.me = Some(user.into());
                core.toast(Tone::Good, "Signed in again.");
                Go::CarryOn
            }
            Ok(_) => Go::Stay,
            Err(trouble) => {
                if let (Kind::Refused, Some(field)) = (trouble.kind, self.form.focus_on("password")) {
                    field.select();
                }
                self.trouble = Some(trouble.text);
                Go::Stay
            }
        }
    }

    pub(super) fn waiting(&self) -> Option<Duration> {
        self.sent.map(|(_, since)| since)
    }

    pub(super) fn view(&self, core: &Core, canvas: &mut Canvas) {
        let area = canvas.middle(56, 11);
        let theme = canvas.theme;
        let mut rest = canvas.overlay(area, "Your session has ended");
        let who = core.me.as_ref().map_or("", |me| me.person.name.as_str());
        let text = format!("Sign in again as {who}. Nothing you have typed is lost.");
        let trouble = self.trouble.as_ref().map(|trouble| (trouble.as_str(), theme.bad));
        for (text, style) in std::iter::once((text.as_str(), theme.text)).chain(trouble) {
            let taken = paragraph(canvas, rest, text, style);
            rest = Rect { y: rest.y + taken, height: rest.height.saturating_sub(taken), ..rest };
        }
        form_view(&self.form, canvas, rest);
    }
}
