//! The state of the whole client.

use std::time::Duration;

use ratatui::layout::Size;

use crate::{
    input::{Chord, Context},
    model::{Core, SPINNER_AFTER, SPINNER_STEP, Server},
    overlay::Overlay,
    screens::{Page, Screen, Start},
    theme::Theme,
};

/// The state of the whole client.
pub(crate) struct Model {
    /// What all screens share.
    pub(crate) core: Core,
    /// The screens, the visible one last; never empty.
    pub(crate) stack: Vec<Screen>,
    /// What lies over the screen.
    pub(crate) overlay: Option<Overlay>,
    /// The keys of an unfinished sequence.
    pub(crate) before: Vec<Chord>,
}

/// What an empty stack would show; there is none.
static NOWHERE: Start = Start::nowhere();

impl Model {
    /// A client that has just been started and looks for the session of last time.
    pub(crate) fn new(server: Server, theme: Theme, size: Size) -> Self {
        let core = Core::new(server, theme, size);
        Self { core, stack: vec![Screen::start()], overlay: None, before: Vec::new() }
    }

    /// The visible screen.
    pub(crate) fn top(&self) -> &dyn Page {
        self.stack.last().map_or(&NOWHERE, Screen::page)
    }

    /// Where keys go now.
    pub(crate) fn context(&self) -> Context {
        self.overlay.as_ref().map_or_else(|| self.top().context(), Overlay::context)
    }

    /// The next moment at which something changes without anybody doing anything; none while all is still.
    pub(crate) fn wake(&self) -> Option<Duration> {
        let core = &self.core;
        let overlay = self.overlay.as_ref().and_then(Overlay::waiting);
        let spinner = self.top().waiting().or(overlay).map(|since| spinner_wake(core.now.run, since));
        // Countdowns are read second by second.
        let next = core.retry_at.into_iter().chain(core.hold).min();
        let countdown = next.map(|at| at.min(core.now.run + Duration::from_secs(1)));
        [core.toasts.next(), countdown, spinner, self.top().wake(core)].into_iter().flatten().min()
    }
}

fn spinner_wake(now: Duration, since: Duration) -> Duration {
    let start = since + SPINNER_AFTER;
    if now < start {
        return start;
    }
    let step = SPINNER_STEP.as_millis();
    let next = (now.as_millis() / step + 1) * step;
    Duration::from_millis(u64::try_from(next).unwrap_or(u64::MAX))
}
