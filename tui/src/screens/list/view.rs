//! Drawing the list: only the rows that are seen, however many there are.

use ratatui::{
    layout::Rect,
    text::{Line, Span},
};

use super::{List, ROW, visible};
use crate::{
    input::Hit,
    model::{Core, Question, age},
    texts::list as texts,
    widgets::{AVATAR, Canvas, cut, paragraph, width},
};

pub(super) fn view(list: &List, core: &Core, canvas: &mut Canvas, area: Rect) {
    if list.rows.items().is_empty() {
        return empty(list, canvas, area);
    }
    let rows = list.rows.items().iter().enumerate().skip(list.offset).take(visible(core));
    let mut y = area.y;
    for (index, question) in rows {
        let row = Rect { y, height: (ROW - 1).min(area.bottom().saturating_sub(y)), ..area };
        draw(question, index == list.selected, core, canvas, row);
        y += ROW;
    }
    let end = Rect { x: area.x + 2, y, height: 1, width: area.width.saturating_sub(2) };
    if let Some(trouble) = list.rows.next_error().filter(|_| y < area.bottom()) {
        canvas.text(end, trouble.text.as_str(), canvas.theme.bad);
    }
}

fn empty(list: &List, canvas: &mut Canvas, area: Rect) {
    let theme = canvas.theme;
    let inside = Rect { x: area.x + 2, y: area.y + 1, width: area.width - 4, height: area.height - 1 };
    let (text, style) = match (list.rows.trouble(), list.rows.rows()) {
        (Some(trouble), _) => (texts::failed(trouble.text.as_str()), theme.bad),
        (None, Some(_)) => (texts::EMPTY.into(), theme.text),
        (None, None) => (texts::LOADING.into(), theme.muted),
    };
    paragraph(canvas, inside, &text, style);
}

fn draw(question: &Question, selected: bool, core: &Core, canvas: &mut Canvas, row: Rect) {
    let theme = canvas.theme;
    canvas.hits.push(row, Hit::Question(question.id));
    if selected {
        for y in row.y..row.bottom() {
            canvas.text(Rect { y, width: 1, height: 1, ..row }, "▌", theme.accent);
        }
    }
    canvas.avatar(Rect::new(row.x + 2, row.y, AVATAR.0, AVATAR.1), row, &question.author);
    let left = AVATAR.0 + 4;
    let text = Rect { x: row.x + left, width: row.width.saturating_sub(left + 1), ..row };
    let lines = [
        title(question, selected, canvas, text.width.into()),
        Line::styled(facts(question, core, text.width.into()), theme.muted),
        Line::styled(cut(first_line(question), text.width.into()), theme.text),
    ];
    for (y, line) in (text.y..text.bottom()).zip(lines) {
        canvas.line(Rect { y, height: 1, ..text }, line);
    }
}

fn title(question: &Question, selected: bool, canvas: &Canvas, cells: usize) -> Line<'static> {
    let theme = canvas.theme;
    let style = if selected { theme.accent } else { theme.strong };
    if question.answered {
        let title = cut(question.title.as_str(), cells.saturating_sub(2));
        Line::from(vec![Span::styled("✔ ", theme.good), Span::styled(title, style)])
    } else {
        Line::styled(cut(question.title.as_str(), cells), style)
    }
}

/// Author, age and answers: where they do not fit, the author's name gives way.
fn facts(question: &Question, core: &Core, cells: usize) -> String {
    let answers = texts::answers(question.answers);
    let rest = format!(" · {} · {answers}", age(core.now.wall, question.created));
    format!("{}{rest}", cut(question.author.name.as_str(), cells.saturating_sub(width(&rest))))
}

fn first_line(question: &Question) -> &str {
    let lines = question.body.as_str().lines().map(str::trim);
    lines.into_iter().find(|line| !line.is_empty() && !line.starts_with("```")).unwrap_or_default()
}
