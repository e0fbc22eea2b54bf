//! The session has ended: asks for the password over the screen, and everything goes on where it was.

use std::time::Duration;

use crossterm::event::KeyEvent;
use secrecy::SecretString;

use super::Overlay;
use crate::{
    input::{Action, ActionInfo, Hit},
    model::{Core, ErrorKind, ReqId, Tone, UiError, cmd::Request},
    msg::Outcome,
    nav::Go,
    texts::sign_in as texts,
    widgets::{Button, Canvas, Field, Form, Submission, form_view, paragraphs},
};

/// Asks for the password.
pub(crate) struct SignInAgain {
    submission: Submission,
    /// What was open before and is open again afterwards.
    pub(crate) beneath: Option<Box<Overlay>>,
}

impl SignInAgain {
    /// Over whatever was there.
    pub(crate) fn new(beneath: Option<Overlay>) -> Self {
        let buttons = vec![
            Button { label: texts::SIGN_IN, action: Action::Submit },
            Button { label: texts::NOT_NOW, action: Action::Back },
        ];
        let form = Form::new(vec![Field::secret("password", texts::PASSWORD)], buttons);
        Self { submission: Submission::new(form), beneath: beneath.map(Box::new) }
    }

    pub(super) fn actions(&self) -> Vec<ActionInfo> {
        vec![
            ActionInfo::new(Action::Submit, "sign in").when(!self.submission.is_sent()),
            ActionInfo::new(Action::Back, "not now"),
            ActionInfo::new(Action::Reveal, "show password"),
        ]
    }

    pub(super) fn act(&mut self, core: &mut Core, action: Action) -> Go {
        match self.submission.act(action) {
            Some(Action::Submit) => self.submit(core),
            Some(Action::Back) => {
                self.submission.abort(core);
                return Go::CancelParked;
            }
            _ => {}
        }
        Go::Stay
    }

    fn submit(&mut self, core: &mut Core) {
        let Some(email) = core.me.as_ref().map(|me| me.email.as_str().to_owned()) else { return };
        if self.submission.begin(&["password"]) {
            let password = SecretString::from(self.submission.form.text("password"));
            self.submission.send(core, Request::LogIn { email, password });
        }
    }

    pub(super) fn key(&mut self, key: KeyEvent) {
        self.submission.key(key);
    }

    pub(super) fn paste(&mut self, text: &str) {
        self.submission.paste(text);
    }

    pub(super) fn click(&mut self, hit: Hit) {
        self.submission.click(hit);
    }

    pub(super) fn awaits(&self, req: ReqId) -> bool {
        self.submission.awaits(req)
    }

    pub(super) fn done(&mut self, core: &mut Core, answer: Result<Outcome, UiError>) -> Go {
        self.submission.answered();
        match answer {
            Ok(Outcome::User(user)) => {
                core.me = Some(user.into());
                core.toast(Tone::Good, texts::SIGNED_IN_AGAIN);
                return Go::ResumeParked;
            }
            Ok(_) => {}
            Err(trouble) => {
                if let (ErrorKind::Refused, Some(field)) =
                    (trouble.kind, self.submission.form.focus_on("password"))
                {
                    field.select();
                }
                self.submission.trouble = Some(trouble);
            }
        }
        Go::Stay
    }

    pub(super) fn waiting(&self) -> Option<Duration> {
        self.submission.since()
    }

    pub(super) fn view(&self, core: &Core, canvas: &mut Canvas) {
        let area = canvas.middle(56, 11);
        let inside = canvas.overlay(area, texts::SESSION_ENDED);
        let who = core.me.as_ref().map_or("", |me| me.person.name.as_str());
        let text = texts::again_as(who);
        let notes =
            std::iter::once((text.as_str(), canvas.theme.text)).chain(self.submission.complaint(canvas));
        let rest = paragraphs(canvas, inside, notes);
        form_view(&self.submission.form, canvas, rest);
    }
}
