//! Where a screen draws: the frame, and notes on what was drawn where.

use ratatui::{
    Frame,
    layout::{Position, Rect, Size},
    style::Style,
    text::{Line, Span},
    widgets::{Block, Clear},
};

use super::{cut, width};
use crate::{
    avatar::{Avatars, Placements},
    input::{Action, Hit, Hits},
    model::{Core, Moment, Person, SPINNER_AFTER, SPINNER_STEP},
    theme::Theme,
};

/// Cells a picture takes beside a post.
pub(crate) const AVATAR: (u16, u16) = (6, 3);

/// The part of the terminal that belongs to the screen itself: one bar is above it, two are below.
pub(crate) fn body(size: Size) -> Rect {
    Rect::new(0, 1, size.width, size.height.saturating_sub(3))
}

/// A frame with what is noted while drawing it.
pub(crate) struct Canvas<'a, 'f> {
    /// The frame.
    pub(crate) frame: &'a mut Frame<'f>,
    /// What can be clicked.
    pub(crate) hits: &'a mut Hits,
    /// Which pictures belong where.
    pub(crate) placements: &'a mut Placements,
    /// The pictures there are.
    pub(crate) avatars: &'a Avatars,
    /// The colours.
    pub(crate) theme: Theme,
}

impl Canvas<'_, '_> {
    /// Draws a line, cut at the right.
    pub(crate) fn line<'l>(&mut self, area: Rect, line: impl Into<Line<'l>>) {
        if area.height > 0 {
            self.frame.render_widget(line.into(), Rect { height: 1, ..area });
        }
    }

    /// Draws text in one style on one line, with an ellipsis where it does not fit.
    pub(crate) fn text(&mut self, area: Rect, text: &str, style: Style) {
        self.line(area, Span::styled(cut(text, area.width.into()), style));
    }

    /// Draws a button and notes where it is. Says how wide it was.
    pub(crate) fn button(&mut self, place: Position, label: &str, action: Action, focus: bool) -> u16 {
        let text = format!("[ {label} ]");
        let wide = u16::try_from(width(&text)).unwrap_or(u16::MAX);
        let area = Rect::new(place.x, place.y, wide, 1).intersection(self.frame.area());
        let style = if focus { self.theme.pressed } else { self.theme.strong };
        self.text(area, &text, style);
        self.hits.push(area, Hit::Action(action));
        wide
    }

    /// Draws a person's picture, clipped to `clip`.
    pub(crate) fn avatar(&mut self, area: Rect, clip: Rect, person: &Person) {
        let who = (&person.avatar, &person.name);
        self.avatars.draw(self.frame.buffer_mut(), area, clip, who, self.placements);
    }

    /// Clears a box for an overlay, draws its border and title, and says what is left inside.
    pub(crate) fn overlay(&mut self, area: Rect, title: &str) -> Rect {
        self.frame.render_widget(Clear, area);
        self.placements.occlude(area);
        self.hits.push(area, Hit::Nothing);
        let title = format!(" {} ", cut(title, usize::from(area.width).saturating_sub(6)));
        let block =
            Block::bordered().title(title).title_style(self.theme.strong).border_style(self.theme.accent);
        let inner = block.inner(area);
        self.frame.render_widget(block, area);
        inner.inner(ratatui::layout::Margin::new(1, 0))
    }

    /// A box of a size, or of what there is, in the middle of the screen but clear of its bars.
    pub(crate) fn middle(&self, columns: u16, rows: u16) -> Rect {
        let all = body(self.frame.area().as_size());
        let (wide, high) = (columns.min(all.width.saturating_sub(2)), rows.min(all.height));
        Rect::new(all.x + (all.width - wide) / 2, all.y + (all.height - high) / 2, wide, high)
    }
}

/// The spinner's picture of this moment, once the wait is long enough to be worth one.
pub(crate) fn spinner(core: &Core, since: Option<std::time::Duration>) -> Option<&'static str> {
    const PICTURES: [&str; 8] = ["⠋", "⠙", "⠸", "⠴", "⠦", "⠧", "⠇", "⠏"];
    let Moment { run, .. } = core.now;
    since.filter(|since| run >= *since + SPINNER_AFTER)?;
    let step = usize::try_from(run.as_millis() / SPINNER_STEP.as_millis()).unwrap_or(0);
    PICTURES.get(step % PICTURES.len()).copied()
}
