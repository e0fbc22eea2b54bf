//! Mouse hit testing: areas are recorded while drawing.

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::{Position, Rect};
use ro_co_shared::QuestionId;

use super::Action;

/// Something that can be clicked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Hit {
    /// A button or a footer entry.
    Action(Action),
    /// A row of the list. By id, for rows may have moved since they were drawn.
    Question(QuestionId),
    /// A post of a question's page: 0 is the question, then its answers.
    Post(usize),
    /// A field of a form.
    Field(usize),
    /// A place that swallows clicks, such as the inside of an overlay.
    Nothing,
}

/// The areas of one frame; the one drawn last lies on top.
#[derive(Default, Debug)]
pub(crate) struct Hits(Vec<(Rect, Hit)>);

/// What the mouse asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Pointer {
    /// A click on something.
    Click(Hit),
    /// Lines to scroll; below zero is up.
    Wheel(i32),
}

/// Lines a notch of the wheel moves.
const NOTCH: i32 = 3;

impl Hits {
    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// Notes an area just drawn.
    pub(crate) fn push(&mut self, area: Rect, hit: Hit) {
        self.0.push((area, hit));
    }

    /// The thing at a place.
    pub(crate) fn at(&self, place: Position) -> Option<Hit> {
        self.0.iter().rev().find(|(area, _)| area.contains(place)).map(|(_, hit)| *hit)
    }

    /// What a mouse event asks for; most (moves, releases) ask for nothing and cost nothing.
    pub(crate) fn read(&self, event: MouseEvent) -> Option<Pointer> {
        match event.kind {
            MouseEventKind::Down(MouseButton::Left) => {
                self.at(Position::new(event.column, event.row)).map(Pointer::Click)
            }
            MouseEventKind::ScrollUp => Some(Pointer::Wheel(-NOTCH)),
            MouseEventKind::ScrollDown => Some(Pointer::Wheel(NOTCH)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use crossterm::event::KeyModifiers;

    use super::*;

    #[test]
    fn the_topmost_area_wins_and_moves_ask_for_nothing() {
        let mut hits = Hits::default();
        hits.push(Rect::new(0, 0, 10, 10), Hit::Field(1));
        hits.push(Rect::new(2, 2, 3, 3), Hit::Action(Action::Yes));
        let at =
            |kind, column, row| hits.read(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE });
        let down = MouseEventKind::Down(MouseButton::Left);
        assert_eq!(at(down, 3, 3), Some(Pointer::Click(Hit::Action(Action::Yes))));
        assert_eq!(at(down, 6, 6), Some(Pointer::Click(Hit::Field(1))));
        assert_eq!(at(down, 20, 6), None);
        assert_eq!(at(MouseEventKind::Moved, 3, 3), None);
        assert_eq!(at(MouseEventKind::ScrollUp, 3, 3), Some(Pointer::Wheel(-3)));
    }
}
