//! The user's own page.

use std::time::Duration;

use ratatui::layout::Rect;

use super::Page;
use crate::{
    input::{Action, ActionInfo},
    model::{Core, ReqId, Tone, UiError, cmd::Request, date},
    msg::Outcome,
    nav::{Go, Route},
    texts::profile as texts,
    widgets::{Canvas, paragraph, paragraphs},
};

/// Cells the picture takes here.
const PICTURE: (u16, u16) = (12, 6);

/// What is in flight.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Sent {
    NewAvatar,
    LogOut,
}

/// The user's own page.
#[derive(Default)]
pub(crate) struct Profile {
    sent: Option<(Sent, ReqId, Duration)>,
}

impl Profile {
    fn send(&mut self, core: &mut Core, what: Sent, call: Request) {
        if self.sent.is_none() {
            self.sent = Some((what, core.call(None, call), core.now.run));
        }
    }
}

impl Page for Profile {
    fn title(&self, _: &Core) -> String {
        texts::TITLE.into()
    }

    fn actions(&self, _: &Core) -> Vec<ActionInfo> {
        let idle = self.sent.is_none();
        vec![
            ActionInfo::new(Action::Back, "back"),
            ActionInfo::new(Action::NewAvatar, "new avatar").when(idle),
            ActionInfo::new(Action::LogOut, "sign out").when(idle),
            ActionInfo::quiet(Action::Quit, "back"),
        ]
    }

    fn act(&mut self, core: &mut Core, action: Action) -> Go {
        match action {
            Action::Back | Action::Quit => return Go::Back,
            Action::NewAvatar => self.send(core, Sent::NewAvatar, Request::NewAvatar),
            Action::LogOut => self.send(core, Sent::LogOut, Request::LogOut),
            _ => {}
        }
        Go::Stay
    }

    fn awaits(&self, req: ReqId) -> bool {
        self.sent.is_some_and(|(_, sent, _)| sent == req)
    }

    fn done(&mut self, core: &mut Core, _: ReqId, answer: Result<Outcome, UiError>) -> Go {
        let what = self.sent.take().map(|(what, ..)| what);
        match (what, answer) {
            (Some(Sent::LogOut), answer) => {
                let email = core.me.take().map_or_else(String::new, |me| me.email.as_str().to_owned());
                match answer {
                    Ok(_) => core.toast(Tone::Good, texts::SIGNED_OUT),
                    // The session is forgotten here all the same; that it may live on there must be said.
                    Err(why) => core.toast(Tone::Bad, texts::signed_out_here(why.text.as_str())),
                }
                return Go::Home(Route::sign_in(&email));
            }
            (_, Ok(_)) => core.toast(Tone::Good, texts::NEW_AVATAR),
            (_, Err(trouble)) => core.toast_error(&trouble),
        }
        Go::Stay
    }

    fn waiting(&self) -> Option<Duration> {
        self.sent.map(|(.., since)| since)
    }

    fn view(&self, core: &Core, canvas: &mut Canvas, area: Rect) {
        let Some(me) = &core.me else { return };
        let theme = canvas.theme;
        canvas.avatar(Rect::new(area.x + 2, area.y + 1, PICTURE.0, PICTURE.1), area, &me.person);
        let left = PICTURE.0 + 4;
        let facts = [
            (Some(me.person.name.as_str().to_owned()), theme.strong),
            (Some(me.email.as_str().to_owned()), theme.text),
            (me.joined.map(|joined| texts::joined(&date(joined))), theme.muted),
            (me.admin.then(|| texts::ADMIN.to_owned()), theme.warning),
            (Some(texts::id(&me.person.id)), theme.muted),
            (core.log_dir.as_ref().map(|dir| texts::log(dir.as_str())), theme.muted),
        ];
        let beside =
            Rect::new(area.x + left, area.y + 1, area.width.saturating_sub(left + 1), area.height - 1);
        let facts = facts.iter().filter_map(|(text, style)| text.as_deref().map(|text| (text, *style)));
        let rest = paragraphs(canvas, beside, facts);
        let Some(warning) = core.warning.as_ref().and_then(|warning| warning.full.as_ref()) else { return };
        let y = rest.y.max(area.y + 1 + PICTURE.1);
        let below = Rect::new(area.x + 2, y, area.width.saturating_sub(3), area.bottom().saturating_sub(y));
        paragraph(canvas, below, warning.as_str(), theme.warning);
    }
}
