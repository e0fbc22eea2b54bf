//! The start screen: resumes the stored session.

use std::time::Duration;

use ratatui::layout::Rect;

use super::Page;
use crate::{
    input::{Action, ActionInfo},
    model::{Core, ReqId, UiError, cmd::Request},
    msg::Outcome,
    nav::{Go, Route},
    texts::start as texts,
    widgets::{Canvas, paragraph},
};

/// Waits for the answer.
#[derive(Default)]
pub(crate) struct Start {
    sent: Option<(ReqId, Duration)>,
    trouble: Option<UiError>,
}

impl Start {
    /// One that has not begun.
    pub(crate) const fn nowhere() -> Self {
        Self { sent: None, trouble: None }
    }

    fn ask(&mut self, core: &mut Core) {
        if self.sent.is_none() {
            self.sent = Some((core.call(None, Request::Resume), core.now.run));
        }
    }
}

impl Page for Start {
    fn title(&self, _: &Core) -> String {
        texts::TITLE.into()
    }

    fn actions(&self, _: &Core) -> Vec<ActionInfo> {
        vec![
            ActionInfo::new(Action::Reload, "try again").when(self.sent.is_none()),
            ActionInfo::new(Action::Quit, "quit"),
        ]
    }

    fn act(&mut self, core: &mut Core, action: Action) -> Go {
        match action {
            Action::Reload => self.ask(core),
            Action::Quit | Action::Back => return Go::Back,
            _ => {}
        }
        Go::Stay
    }

    fn entered(&mut self, core: &mut Core) {
        self.ask(core);
    }

    fn awaits(&self, req: ReqId) -> bool {
        self.sent.is_some_and(|(sent, _)| sent == req)
    }

    fn done(&mut self, core: &mut Core, _: ReqId, answer: Result<Outcome, UiError>) -> Go {
        self.sent = None;
        match answer {
            Ok(Outcome::Resumed(Some(user))) => {
                core.me = Some(user.into());
                Go::Home(Route::List)
            }
            Ok(_) => Go::Home(Route::sign_in("")),
            Err(trouble) if trouble.passes() => {
                core.plan_retry(&trouble);
                self.trouble = Some(trouble);
                Go::Stay
            }
            Err(trouble) => {
                core.toast_error(&trouble);
                Go::Home(Route::sign_in(""))
            }
        }
    }

    fn retry(&mut self, core: &mut Core) {
        self.ask(core);
    }

    fn waiting(&self) -> Option<Duration> {
        self.sent.map(|(_, since)| since)
    }

    fn view(&self, core: &Core, canvas: &mut Canvas, area: Rect) {
        let theme = canvas.theme;
        let area = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
        let mut rest = area;
        let address = texts::connecting_to(core.server.address.as_str());
        rest.y += paragraph(canvas, rest, &address, theme.text);
        rest.height = area.bottom().saturating_sub(rest.y);
        if let Some(trouble) = &self.trouble {
            paragraph(canvas, rest, trouble.text.as_str(), theme.bad);
        }
    }
}
