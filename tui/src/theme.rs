//! Semantic colours, from the terminal's own palette.

use ratatui::style::{Color, Modifier, Style};

/// The styles everything is drawn in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Theme {
    /// What leads the eye: the selection's mark, the focus.
    pub(crate) accent: Style,
    /// Titles.
    pub(crate) strong: Style,
    /// Plain text.
    pub(crate) text: Style,
    /// What can be read over.
    pub(crate) muted: Style,
    /// What went well: answered, free, strong.
    pub(crate) good: Style,
    /// What needs care.
    pub(crate) warning: Style,
    /// What went wrong.
    pub(crate) bad: Style,
    /// Code.
    pub(crate) code: Style,
    /// The bars at the top and the bottom.
    pub(crate) bar: Style,
    /// A button that has the focus.
    pub(crate) pressed: Style,
}

impl Theme {
    /// The sixteen colours every terminal lets its user choose.
    pub(crate) const fn ansi() -> Self {
        let plain = Style::new();
        Self {
            accent: plain.fg(Color::Cyan).add_modifier(Modifier::BOLD),
            strong: plain.add_modifier(Modifier::BOLD),
            text: plain,
            // Not bright black: some palettes make it the background.
            muted: plain.add_modifier(Modifier::DIM),
            good: plain.fg(Color::Green),
            warning: plain.fg(Color::Yellow),
            bad: plain.fg(Color::Red),
            code: plain.fg(Color::Magenta),
            bar: plain.add_modifier(Modifier::REVERSED),
            pressed: plain.fg(Color::Cyan).add_modifier(Modifier::REVERSED),
        }
    }

    /// No colour at all, as `NO_COLOR` asks: weight, underline and inversion say the same.
    pub(crate) const fn plain() -> Self {
        let plain = Style::new();
        Self {
            accent: plain.add_modifier(Modifier::BOLD),
            strong: plain.add_modifier(Modifier::BOLD),
            text: plain,
            muted: plain.add_modifier(Modifier::DIM),
            good: plain.add_modifier(Modifier::BOLD),
            warning: plain.add_modifier(Modifier::BOLD),
            bad: plain.add_modifier(Modifier::UNDERLINED),
            code: plain,
            bar: plain.add_modifier(Modifier::REVERSED),
            pressed: plain.add_modifier(Modifier::REVERSED),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_color_means_no_colour_anywhere() {
        let theme = Theme::plain();
        let all = [
            theme.accent,
            theme.strong,
            theme.text,
            theme.muted,
            theme.good,
            theme.warning,
            theme.bad,
            theme.code,
            theme.bar,
            theme.pressed,
        ];
        assert!(all.iter().all(|style| style.fg.is_none() && style.bg.is_none()));
    }
}
