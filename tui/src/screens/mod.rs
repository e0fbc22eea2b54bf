//! The screens: a stack of them, of which the last one is seen.

mod compose;
mod detail;
mod list;
mod profile;
mod sign_in;
mod sign_up;
mod start;
#[cfg(test)]
mod tests;

use std::time::Duration;

use crossterm::event::KeyEvent;
use ratatui::layout::Rect;

pub(crate) use start::Start;

use self::{
    compose::Compose, detail::Detail, list::List, profile::Profile, sign_in::SignIn, sign_up::SignUp,
};

use crate::{
    drafts::{Draft, DraftId},
    input::{Action, ActionInfo, Context, Hit},
    model::{Change, Core, ReqId, UiError},
    msg::Outcome,
    nav::{Go, Route},
    term::Edited,
    widgets::Canvas,
};

/// One screen. An enum, so that there is no state outside it and every match is complete.
pub(crate) enum Screen {
    /// Looking for the session of last time.
    Start(Start),
    /// The sign-in form.
    SignIn(Box<SignIn>),
    /// The sign-up form.
    SignUp(Box<SignUp>),
    /// The questions.
    List(Box<List>),
    /// One question with its answers.
    Detail(Box<Detail>),
    /// Writing something.
    Compose(Box<Compose>),
    /// The user's own page.
    Profile(Profile),
}

impl Screen {
    /// The screen a client starts with.
    pub(crate) fn start() -> Self {
        Self::Start(Start::default())
    }

    /// The screen a route leads to.
    pub(crate) fn at(core: &Core, route: Route) -> Self {
        match route {
            Route::SignIn { email, trouble } => Self::SignIn(Box::new(SignIn::new(&email, trouble))),
            Route::SignUp { email } => Self::SignUp(Box::new(SignUp::new(&email))),
            Route::List => Self::List(Box::default()),
            Route::Detail(question) => Self::Detail(Box::new(Detail::new(*question))),
            Route::Compose { target, revision } => {
                Self::Compose(Box::new(Compose::new(core, target, revision.map(|revision| *revision))))
            }
            Route::Profile => Self::Profile(Profile::default()),
        }
    }

    /// What all screens can do.
    pub(crate) fn page(&self) -> &dyn Page {
        match self {
            Self::Start(page) => page,
            Self::SignIn(page) => &**page,
            Self::SignUp(page) => &**page,
            Self::List(page) => &**page,
            Self::Detail(page) => &**page,
            Self::Compose(page) => &**page,
            Self::Profile(page) => page,
        }
    }

    /// What all screens can do, to themselves.
    pub(crate) fn page_mut(&mut self) -> &mut dyn Page {
        match self {
            Self::Start(page) => page,
            Self::SignIn(page) => &mut **page,
            Self::SignUp(page) => &mut **page,
            Self::List(page) => &mut **page,
            Self::Detail(page) => &mut **page,
            Self::Compose(page) => &mut **page,
            Self::Profile(page) => page,
        }
    }
}

/// What a screen can do. Most screens leave most of it at doing nothing.
#[expect(unused_variables, reason = "names in a default that does nothing document it")]
pub(crate) trait Page {
    /// What stands at the top.
    fn title(&self, core: &Core) -> String;

    /// Draws itself.
    fn view(&self, core: &Core, canvas: &mut Canvas, area: Rect);

    /// The key context.
    fn context(&self) -> Context {
        Context::Page
    }

    /// What the user can do here; footer and help are made from it.
    fn actions(&self, core: &Core) -> Vec<ActionInfo>;

    /// Performs an action.
    fn act(&mut self, core: &mut Core, action: Action) -> Go;

    /// Called when it is opened.
    fn entered(&mut self, core: &mut Core) {}

    /// Called before it is closed.
    fn leaving(&mut self, core: &mut Core) {}

    /// Another size, or seen again.
    fn resized(&mut self, core: &Core) {}

    /// A key that is not an action.
    fn key(&mut self, core: &mut Core, key: KeyEvent) {}

    /// Text in one piece.
    fn paste(&mut self, core: &mut Core, text: &str) {}

    /// A click on something it noted while drawing.
    fn click(&mut self, core: &mut Core, hit: Hit) -> Go {
        Go::Stay
    }

    /// The wheel; below zero is up.
    fn wheel(&mut self, core: &mut Core, lines: i32) {}

    /// Whether it waits for this answer.
    fn awaits(&self, req: ReqId) -> bool {
        false
    }

    /// The answer it waits for.
    fn done(&mut self, core: &mut Core, req: ReqId, answer: Result<Outcome, UiError>) -> Go {
        Go::Stay
    }

    /// Something is different on the server.
    fn changed(&mut self, core: &mut Core, change: &Change) {}

    /// Whether what it shows no longer exists.
    fn is_gone(&self) -> bool {
        false
    }

    /// A draft was looked for.
    fn draft(&mut self, core: &mut Core, id: DraftId, draft: Option<&Draft>) {}

    /// The user's editor has closed.
    fn edited(&mut self, core: &mut Core, edited: Edited) {}

    /// When it next changes without anybody doing anything, since the program began.
    fn wake(&self, core: &Core) -> Option<Duration> {
        None
    }

    /// That moment, or some other, has come.
    fn due(&mut self, core: &mut Core) {}

    /// Since when it has been waiting for something the user waits for too.
    fn waiting(&self) -> Option<Duration> {
        None
    }

    /// The server may be back: asks again for what failed.
    fn retry(&mut self, core: &mut Core) {}
}
