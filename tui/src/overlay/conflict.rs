//! The edit conflict dialog: shows the other version and asks which one to keep.

use ratatui::layout::{Position, Rect};

use crate::{
    clean::Clean,
    input::{Action, ActionInfo},
    nav::Go,
    texts::dialog as texts,
    widgets::{Canvas, wrap_plain},
};

/// Their text.
pub(crate) struct Conflict {
    title: Clean,
    body: Clean,
    scroll: usize,
}

impl Conflict {
    /// Their text, against mine.
    pub(crate) fn new(title: Clean, body: Clean) -> Self {
        Self { title, body, scroll: 0 }
    }

    #[expect(clippy::unused_self, reason = "as every overlay's")]
    pub(super) fn actions(&self) -> Vec<ActionInfo> {
        vec![
            ActionInfo::new(Action::Mine, "overwrite with mine"),
            ActionInfo::new(Action::Theirs, "use theirs"),
            ActionInfo::new(Action::No, "back to my text"),
            ActionInfo::quiet(Action::Up, "up"),
            ActionInfo::quiet(Action::Down, "down"),
        ]
    }

    pub(super) fn act(&mut self, action: Action) -> Go {
        match action {
            Action::Mine | Action::Theirs => return Go::Pass(action),
            Action::No => return Go::CloseOverlay,
            Action::Up => self.scroll(-1),
            Action::Down => self.scroll(1),
            _ => {}
        }
        Go::Stay
    }

    pub(super) fn scroll(&mut self, lines: i32) {
        let most = self.body.as_str().len();
        self.scroll = self.scroll.saturating_add_signed(isize::try_from(lines).unwrap_or(0)).min(most);
    }

    pub(super) fn view(&self, canvas: &mut Canvas) {
        let area = canvas.middle(90, u16::MAX);
        let theme = canvas.theme;
        let inside = canvas.overlay(area, texts::CONFLICT);
        let cells = usize::from(inside.width);
        let mut rows: Vec<_> =
            wrap_plain(self.title.as_str(), cells).into_iter().map(|row| (row, theme.strong)).collect();
        rows.extend(wrap_plain(self.body.as_str(), cells).into_iter().map(|row| (row, theme.text)));
        let high = usize::from(inside.height.saturating_sub(2));
        let from = self.scroll.min(rows.len().saturating_sub(high));
        for (y, (row, style)) in (inside.y..inside.bottom().saturating_sub(2)).zip(rows.iter().skip(from)) {
            canvas.text(Rect { y, height: 1, ..inside }, row, *style);
        }
        let mut x = inside.x;
        let y = inside.bottom().saturating_sub(1);
        for (label, action) in [("mine", Action::Mine), ("theirs", Action::Theirs), ("back", Action::No)] {
            x += canvas.button(Position::new(x, y), label, action, false) + 1;
        }
    }
}
