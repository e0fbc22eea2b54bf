//! The help overlay, made from the screen's actions and the key map.

use crossterm::event::KeyEvent;
use ratatui::{
    layout::Rect,
    text::{Line, Span},
};

use crate::{
    input::{Action, ActionInfo, Context},
    model::Core,
    nav::Go,
    screens::Page,
    theme::Theme,
    widgets::{Canvas, Field, draw_text, width, wrap_plain},
};

/// Everywhere, whatever the screen.
const ALWAYS: [ActionInfo; 4] = [
    ActionInfo::quiet(Action::Exit, "quit, keep drafts"),
    ActionInfo::quiet(Action::Help, "this help"),
    ActionInfo::quiet(Action::Suspend, "suspend"),
    ActionInfo::quiet(Action::Redraw, "redraw"),
];

/// The help, narrowed by what is typed.
pub(crate) struct Help {
    filter: Field,
    scroll: usize,
}

impl Default for Help {
    fn default() -> Self {
        Self { filter: Field::line("filter", "Filter").hint("type to narrow the list"), scroll: 0 }
    }
}

impl Help {
    #[expect(clippy::unused_self, reason = "as every overlay's")]
    pub(super) fn actions(&self) -> Vec<ActionInfo> {
        vec![ActionInfo::new(Action::Back, "close")]
    }

    pub(super) fn act(&mut self, action: Action) -> Go {
        match action {
            Action::Back | Action::Accept | Action::Help => return Go::CloseOverlay,
            Action::Editor => self.filter.to_end(),
            _ => {}
        }
        Go::Stay
    }

    pub(super) fn key(&mut self, key: KeyEvent) {
        use crossterm::event::KeyCode;
        match key.code {
            KeyCode::Up => self.scroll(-1),
            KeyCode::Down => self.scroll(1),
            _ => {
                self.filter.key(key);
                self.scroll = 0;
            }
        }
    }

    pub(super) fn paste(&mut self, text: &str) {
        self.filter.paste(text);
    }

    pub(super) fn scroll(&mut self, lines: i32) {
        self.scroll = self.scroll.saturating_add_signed(isize::try_from(lines).unwrap_or(0)).min(100);
    }

    /// Keys and what they do: what is possible now first, the screen's own before what is possible everywhere.
    fn rows(
        &self,
        core: &Core,
        context: Context,
        actions: &[ActionInfo],
    ) -> Vec<(String, &'static str, bool)> {
        let wanted = self.filter.text().to_lowercase();
        let rows = actions.iter().chain(&ALWAYS).filter_map(|info| {
            let keys: Vec<_> = core.keys.keys(context, info.action).collect();
            (!keys.is_empty()).then(|| (keys.join("  "), info.label, info.enabled))
        });
        let mut rows: Vec<_> = rows
            .filter(|(keys, label, _)| keys.to_lowercase().contains(&wanted) || label.contains(&wanted))
            .collect();
        rows.sort_by_key(|(.., enabled)| !enabled);
        rows
    }

    pub(super) fn view(&self, core: &Core, page: &dyn Page, canvas: &mut Canvas) {
        let rows = self.rows(core, page.context(), &page.actions(core));
        let theme = canvas.theme;
        let area = canvas.middle(56, u16::MAX);
        let inside = canvas.overlay(area, &format!("Keys · {}", page.title(core)));
        let label = "Filter: ";
        canvas.text(Rect { height: 1, ..inside }, label, theme.muted);
        let left = u16::try_from(width(label)).unwrap_or(0);
        let input =
            Rect { x: inside.x + left, width: inside.width.saturating_sub(left), height: 1, ..inside };
        draw_text(&self.filter, canvas, input);
        let column = rows.iter().map(|(keys, ..)| width(keys)).max().unwrap_or(0);
        let column = column.min(usize::from(inside.width) * 2 / 5);
        let list = Rect { y: inside.y + 1, height: inside.height.saturating_sub(1), ..inside };
        let lines: Vec<_> =
            rows.iter().flat_map(|row| lines(row, column, inside.width.into(), theme)).collect();
        let from = self.scroll.min(lines.len().saturating_sub(usize::from(list.height)));
        for (y, line) in (list.y..list.bottom()).zip(lines.into_iter().skip(from)) {
            canvas.line(Rect { y, height: 1, ..list }, line);
        }
    }
}

/// One entry in two columns, in as many lines as it takes.
fn lines(
    (keys, label, enabled): &(String, &'static str, bool),
    column: usize,
    all: usize,
    theme: Theme,
) -> Vec<Line<'static>> {
    let (label, style) = if *enabled {
        ((*label).to_owned(), theme.text)
    } else {
        (format!("{label} (not now)"), theme.muted)
    };
    let keys = wrap_plain(keys, column);
    let labels = wrap_plain(&label, all.saturating_sub(column + 2));
    (0..keys.len().max(labels.len()))
        .map(|row| {
            let of = |texts: &[String]| texts.get(row).cloned().unwrap_or_default();
            let keys = of(&keys);
            let gap = " ".repeat((column + 2).saturating_sub(width(&keys)));
            Line::from(vec![
                Span::styled(keys, theme.accent),
                Span::raw(gap),
                Span::styled(of(&labels), style),
            ])
        })
        .collect()
}
