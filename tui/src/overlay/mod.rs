//! Overlays: they cover a screen and take its keys.

mod confirm;
mod conflict;
mod help;
mod sign_in_again;
mod who;

use std::time::Duration;

use crossterm::event::KeyEvent;

pub(crate) use help::Help;
pub(crate) use sign_in_again::SignInAgain;

use self::{confirm::Confirm, conflict::Conflict, who::Who};
use crate::{
    input::{Action, ActionInfo, Context, Hit},
    model::{Core, ReqId, UiError},
    msg::Outcome,
    nav::{Dialog, Go},
    screens::Page,
    widgets::Canvas,
};

/// One overlay.
#[expect(clippy::large_enum_variant, reason = "there is one at a time")]
pub(crate) enum Overlay {
    /// The keys.
    Help(Help),
    /// Are you sure?
    Confirm(Box<Confirm>),
    /// Mine or theirs?
    Conflict(Box<Conflict>),
    /// The session has ended: the password, please.
    SignInAgain(Box<SignInAgain>),
    /// Who wrote this?
    Who(Box<Who>),
}

impl Overlay {
    /// The overlay of a dialog.
    pub(crate) fn of(dialog: Dialog) -> Self {
        match dialog {
            Dialog::DeleteQuestion(question) => Self::Confirm(Box::new(Confirm::delete_question(&question))),
            Dialog::DeleteAnswer(answer) => Self::Confirm(Box::new(Confirm::delete_answer(&answer))),
            Dialog::Discard(heading) => Self::Confirm(Box::new(Confirm::discard(heading))),
            Dialog::Conflict { title, body } => Self::Conflict(Box::new(Conflict::new(title, body))),
            Dialog::Who(person) => Self::Who(Box::new(Who::new(person))),
        }
    }

    /// The key context.
    pub(crate) fn context(&self) -> Context {
        match self {
            Self::Help(_) | Self::SignInAgain(_) => Context::Form,
            Self::Confirm(_) | Self::Conflict(_) | Self::Who(_) => Context::Dialog,
        }
    }

    /// What the user can do.
    pub(crate) fn actions(&self) -> Vec<ActionInfo> {
        match self {
            Self::Help(help) => help.actions(),
            Self::Confirm(confirm) => confirm.actions(),
            Self::Conflict(conflict) => conflict.actions(),
            Self::SignInAgain(again) => again.actions(),
            Self::Who(who) => who.actions(),
        }
    }

    /// Performs an action.
    pub(crate) fn act(&mut self, core: &mut Core, action: Action) -> Go {
        match self {
            Self::Help(help) => help.act(action),
            Self::Confirm(confirm) => confirm.act(core, action),
            Self::Conflict(conflict) => conflict.act(action),
            Self::SignInAgain(again) => again.act(core, action),
            Self::Who(who) => who.act(action),
        }
    }

    /// A key that is not an action.
    pub(crate) fn key(&mut self, key: KeyEvent) {
        match self {
            Self::Help(help) => help.key(key),
            Self::SignInAgain(again) => again.key(key),
            Self::Confirm(_) | Self::Conflict(_) | Self::Who(_) => {}
        }
    }

    /// Text in one piece.
    pub(crate) fn paste(&mut self, text: &str) {
        match self {
            Self::Help(help) => help.paste(text),
            Self::SignInAgain(again) => again.paste(text),
            Self::Confirm(_) | Self::Conflict(_) | Self::Who(_) => {}
        }
    }

    /// A click on something noted while drawing.
    pub(crate) fn click(&mut self, hit: Hit) {
        if let Self::SignInAgain(again) = self {
            again.click(hit);
        }
    }

    /// The wheel; below zero is up.
    pub(crate) fn wheel(&mut self, lines: i32) {
        match self {
            Self::Help(help) => help.scroll(lines),
            Self::Conflict(conflict) => conflict.scroll(lines),
            Self::Confirm(_) | Self::SignInAgain(_) | Self::Who(_) => {}
        }
    }

    /// Whether it waits for this answer.
    pub(crate) fn awaits(&self, req: ReqId) -> bool {
        match self {
            Self::Confirm(confirm) => confirm.awaits(req),
            Self::SignInAgain(again) => again.awaits(req),
            Self::Help(_) | Self::Conflict(_) | Self::Who(_) => false,
        }
    }

    /// The answer it waits for.
    pub(crate) fn done(&mut self, core: &mut Core, answer: Result<Outcome, UiError>) -> Go {
        match self {
            Self::Confirm(_) => Confirm::done(core, answer),
            Self::SignInAgain(again) => again.done(core, answer),
            Self::Help(_) | Self::Conflict(_) | Self::Who(_) => Go::Stay,
        }
    }

    /// Since when it has been waiting.
    pub(crate) fn waiting(&self) -> Option<Duration> {
        match self {
            Self::Confirm(confirm) => confirm.waiting(),
            Self::SignInAgain(again) => again.waiting(),
            Self::Help(_) | Self::Conflict(_) | Self::Who(_) => None,
        }
    }

    /// Draws it over what is there.
    pub(crate) fn view(&self, core: &Core, below: &dyn Page, canvas: &mut Canvas) {
        match self {
            Self::Help(help) => help.view(core, below, canvas),
            Self::Confirm(confirm) => confirm.view(canvas),
            Self::Conflict(conflict) => conflict.view(canvas),
            Self::SignInAgain(again) => again.view(core, canvas),
            Self::Who(who) => who.view(canvas),
        }
    }
}
