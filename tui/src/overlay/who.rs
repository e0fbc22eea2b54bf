//! Who somebody is: their picture, their name, and the id that the shell command takes.

use ratatui::layout::Rect;

use super::Overlay;
use crate::{
    input::{Action, ActionInfo},
    model::Person,
    screens::Go,
    widgets::{Canvas, paragraph},
};

/// Cells the picture takes here.
const PICTURE: (u16, u16) = (12, 6);

/// Somebody.
pub(crate) struct Who(Person);

impl Who {
    /// Shows this person over the screen.
    pub(crate) fn over(person: &Person) -> Overlay {
        Overlay::Who(Box::new(Self(person.clone())))
    }

    #[expect(clippy::unused_self, reason = "as every overlay's")]
    pub(super) fn actions(&self) -> Vec<ActionInfo> {
        vec![ActionInfo::new(Action::No, "close")]
    }

    #[expect(clippy::unused_self, reason = "as every overlay's")]
    pub(super) fn act(&mut self, action: Action) -> Go {
        match action {
            Action::No | Action::Yes => Go::Uncover,
            _ => Go::Stay,
        }
    }

    pub(super) fn view(&self, canvas: &mut Canvas) {
        let theme = canvas.theme;
        let area = canvas.middle(60, 9);
        let inside = canvas.overlay(area, "Who wrote this");
        canvas.avatar(Rect::new(inside.x, inside.y, PICTURE.0, PICTURE.1), inside, &self.0);
        let left = PICTURE.0 + 2;
        let mut rest = Rect { x: inside.x + left, width: inside.width.saturating_sub(left), ..inside };
        let id = format!("id {}", self.0.id);
        let facts = [(self.0.name.as_str(), theme.strong), (&id, theme.text)];
        for (text, style) in facts {
            let taken = paragraph(canvas, rest, text, style);
            rest = Rect { y: rest.y + taken, height: rest.height.saturating_sub(taken), ..rest };
        }
    }
}
