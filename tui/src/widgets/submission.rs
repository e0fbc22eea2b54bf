//! A form whose values one request sends.

use std::time::Duration;

use crossterm::event::KeyEvent;
use ratatui::style::Style;

use super::{Canvas, Field, Form};
use crate::{
    clean::Clean,
    input::{Action, Hit},
    model::{Core, ReqId, UiError, cmd::Request},
    texts,
};

/// What is typed, the request that sends it, and why the last one was refused.
pub(crate) struct Submission {
    /// The form.
    pub(crate) form: Form,
    /// Why it was not sent, or was refused.
    pub(crate) trouble: Option<UiError>,
    sent: Option<(ReqId, Duration)>,
}

impl Submission {
    /// A form that has not been sent.
    pub(crate) fn new(form: Form) -> Self {
        Self { form, trouble: None, sent: None }
    }

    /// Whether its request is in flight.
    pub(crate) fn is_sent(&self) -> bool {
        self.sent.is_some()
    }

    /// Takes back what was said of an earlier attempt. `false` while a request is in flight, and when one of the
    /// `required` fields is empty.
    pub(crate) fn begin(&mut self, required: &[&'static str]) -> bool {
        if self.is_sent() {
            return false;
        }
        self.form.clear_errors();
        self.trouble = None;
        let empty = required.iter().filter(|name| self.form.text(name).is_empty());
        let missing: Vec<_> = empty.map(|name| (*name, Clean::line(texts::sign_in::MISSING))).collect();
        !self.form.set_errors(missing)
    }

    /// Sends it.
    pub(crate) fn send(&mut self, core: &mut Core, call: Request) {
        self.sent = Some((core.call(None, call), core.now.run));
    }

    /// Whether it waits for this answer.
    pub(crate) fn awaits(&self, req: ReqId) -> bool {
        self.sent.is_some_and(|(sent, _)| sent == req)
    }

    /// Since when its request is in flight.
    pub(crate) fn since(&self) -> Option<Duration> {
        self.sent.map(|(_, since)| since)
    }

    /// The answer has come.
    pub(crate) fn answered(&mut self) {
        self.sent = None;
    }

    /// Shows why it was refused, at its fields where they are named.
    pub(crate) fn refused(&mut self, trouble: UiError) {
        self.form.set_errors_of(&trouble);
        self.trouble = Some(trouble);
    }

    /// Ends its request.
    pub(crate) fn abort(&mut self, core: &mut Core) {
        if let Some((req, _)) = self.sent.take() {
            core.abort(req);
        }
    }

    /// The server may be back: forgets a failure that has passed.
    pub(crate) fn retry(&mut self) {
        self.trouble.take_if(|trouble| trouble.passes());
    }

    /// Handles actions of the form itself; returns the remaining one.
    pub(crate) fn act(&mut self, action: Action) -> Option<Action> {
        match action {
            _ if self.form.act(action) => None,
            Action::Accept => self.form.accept(),
            Action::Editor => {
                self.form.focused().into_iter().for_each(Field::to_end);
                None
            }
            _ => Some(action),
        }
    }

    /// A key that is not an action. Says whether the text is another one now.
    pub(crate) fn key(&mut self, key: KeyEvent) -> bool {
        self.form.key(key)
    }

    /// Text in one piece.
    pub(crate) fn paste(&mut self, text: &str) {
        self.form.paste(text);
    }

    /// A click on something noted while drawing.
    pub(crate) fn click(&mut self, hit: Hit) {
        self.form.click(hit);
    }

    /// Why it was refused, as a sentence to draw.
    pub(crate) fn complaint(&self, canvas: &Canvas) -> Option<(&str, Style)> {
        self.trouble.as_ref().map(|trouble| (trouble.text.as_str(), canvas.theme.bad))
    }
}
