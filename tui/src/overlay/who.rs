//! A person: picture, name, and the id that `ro-co avatar` takes.

use ratatui::layout::Rect;

use crate::{
    input::{Action, ActionInfo},
    model::Person,
    nav::Go,
    texts,
    widgets::{Canvas, paragraphs},
};

/// Cells the picture takes here.
const PICTURE: (u16, u16) = (12, 6);

/// A person.
pub(crate) struct Who(Person);

impl Who {
    /// Shows this person.
    pub(crate) fn new(person: Person) -> Self {
        Self(person)
    }

    #[expect(clippy::unused_self, reason = "as every overlay's")]
    pub(super) fn actions(&self) -> Vec<ActionInfo> {
        vec![ActionInfo::new(Action::No, "close")]
    }

    #[expect(clippy::unused_self, reason = "as every overlay's")]
    pub(super) fn act(&mut self, action: Action) -> Go {
        match action {
            Action::No | Action::Accept => Go::CloseOverlay,
            _ => Go::Stay,
        }
    }

    pub(super) fn view(&self, canvas: &mut Canvas) {
        let theme = canvas.theme;
        let area = canvas.middle(60, 9);
        let inside = canvas.overlay(area, texts::dialog::AUTHOR);
        canvas.avatar(Rect::new(inside.x, inside.y, PICTURE.0, PICTURE.1), inside, &self.0);
        let left = PICTURE.0 + 2;
        let beside = Rect { x: inside.x + left, width: inside.width.saturating_sub(left), ..inside };
        let id = texts::profile::id(&self.0.id);
        paragraphs(canvas, beside, [(self.0.name.as_str(), theme.strong), (&id, theme.text)]);
    }
}
