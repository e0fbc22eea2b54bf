//! What can be done here and by which keys, made from the screen's actions and the key map.

use crossterm::event::KeyEvent;
use ratatui::{
    layout::Rect,
    text::{Line, Span},
};

use crate::{
    input::{Action, ActionInfo, Context},
    model::{Core, Model},
    screens::Go,
    widgets::{Canvas, Field, cut, width},
};

/// Everywhere, whatever the screen.
const ALWAYS: [ActionInfo; 4] = [
    ActionInfo::quiet(Action::Exit, "quit at once; drafts are kept"),
    ActionInfo::quiet(Action::Help, "this help"),
    ActionInfo::quiet(Action::Suspend, "stop, as in the shell"),
    ActionInfo::quiet(Action::Redraw, "draw anew"),
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

    #[expect(clippy::unused_self, reason = "as every overlay's")]
    pub(super) fn act(&mut self, action: Action) -> Go {
        match action {
            Action::Back | Action::Accept | Action::Help => Go::Uncover,
            _ => Go::Stay,
        }
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

    pub(super) fn view(&self, model: &Model, canvas: &mut Canvas) {
        let page = model.top();
        let rows = self.rows(&model.core, page.context(), &page.actions(&model.core));
        let theme = canvas.theme;
        let area = canvas.middle(56, u16::MAX);
        let inside = canvas.overlay(area, &format!("Keys · {}", page.title(&model.core)));
        let label = "Filter: ";
        canvas.text(Rect { height: 1, ..inside }, label, theme.muted);
        let left = u16::try_from(width(label)).unwrap_or(0);
        let input =
            Rect { x: inside.x + left, width: inside.width.saturating_sub(left), height: 1, ..inside };
        canvas.frame.render_widget(self.filter.area(), input);
        let column = rows.iter().map(|(keys, ..)| width(keys)).max().unwrap_or(0);
        let column = column.min(usize::from(inside.width) * 2 / 5);
        let list = Rect { y: inside.y + 1, height: inside.height.saturating_sub(1), ..inside };
        let from = self.scroll.min(rows.len().saturating_sub(usize::from(list.height)));
        for (y, (keys, label, enabled)) in (list.y..list.bottom()).zip(rows.iter().skip(from)) {
            let keys = cut(keys, column);
            let gap = " ".repeat(column - width(&keys) + 2);
            let style = if *enabled { theme.text } else { theme.muted };
            let line = Line::from(vec![
                Span::styled(keys, theme.accent),
                Span::raw(gap),
                Span::styled(*label, style),
                Span::styled(if *enabled { "" } else { " (not now)" }, theme.muted),
            ]);
            canvas.line(Rect { y, height: 1, ..list }, line);
        }
    }
}
