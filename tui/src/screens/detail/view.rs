//! Drawing a question's page: the lines that are seen.

use ratatui::{
    layout::Rect,
    text::{Line as Text, Span},
};

use super::{Detail, posts::Line};
use crate::{
    input::Hit,
    model::{Core, Person, age},
    texts::detail as texts,
    widgets::{AVATAR, Canvas, cut},
};

pub(super) fn view(detail: &Detail, core: &Core, canvas: &mut Canvas, area: Rect) {
    let end = detail.scroll + usize::from(area.height);
    let first = detail.posts.at(detail.scroll);
    for (post, lines) in detail.posts.posts.iter().enumerate().skip(first) {
        let top = detail.posts.top(post);
        if top >= end {
            break;
        }
        for (index, line) in lines.iter().enumerate() {
            if let Some(y) = on_screen(detail, area, top + index) {
                draw_line(detail, core, canvas, Rect { y, height: 1, ..area }, post, line);
            }
        }
        draw_picture(detail, canvas, area, post, top);
    }
    if let Some(y) = on_screen(detail, area, detail.posts.len()) {
        draw_end(detail, canvas, Rect { x: area.x + 2, y, width: area.width.saturating_sub(3), height: 1 });
    }
}

fn on_screen(detail: &Detail, area: Rect, line: usize) -> Option<u16> {
    let row = u16::try_from(line.checked_sub(detail.scroll)?).ok()?;
    (row < area.height).then_some(area.y + row)
}

fn author(detail: &Detail, post: usize) -> &Person {
    post.checked_sub(1)
        .and_then(|answer| detail.answers.items().get(answer))
        .map_or(&detail.question.author, |answer| &answer.author)
}

/// Only whole pictures: one that is cut off would be a smaller one.
fn draw_picture(detail: &Detail, canvas: &mut Canvas, area: Rect, post: usize, top: usize) {
    let bottom = on_screen(detail, area, top + usize::from(AVATAR.1) - 1);
    if let (Some(y), Some(_)) = (on_screen(detail, area, top), bottom) {
        canvas.avatar(Rect::new(area.x + 2, y, AVATAR.0, AVATAR.1), area, author(detail, post));
    }
}

fn draw_line(detail: &Detail, core: &Core, canvas: &mut Canvas, row: Rect, post: usize, line: &Line) {
    let theme = canvas.theme;
    canvas.hits.push(row, Hit::Post(post));
    if post == detail.selected {
        canvas.text(Rect { width: 1, ..row }, "▌", theme.accent);
    }
    let column = detail.posts.column;
    let at = |x: u16| Rect { x: row.x + x, width: row.width.saturating_sub(x + 1), ..row };
    match line {
        Line::Title(text) => canvas.text(at(column.head), text, theme.strong),
        Line::Facts => canvas.line(at(column.head), facts(detail, core, canvas, post, at(column.head).width)),
        Line::Body(row) if row.code => {
            let line = Text::from(vec![Span::styled(row.text.as_str(), theme.code)]);
            canvas.line(at(column.text), line);
        }
        Line::Body(row) => canvas.text(at(column.text), &row.text, theme.text),
        Line::Blank => {}
    }
}

/// Who, when, whether edited, whether answered.
fn facts<'a>(detail: &Detail, core: &Core, canvas: &Canvas, post: usize, cells: u16) -> Text<'a> {
    let theme = canvas.theme;
    let answer = post.checked_sub(1).and_then(|answer| detail.answers.items().get(answer));
    let question = &detail.question;
    let (created, edited) = answer.map_or((question.created, question.edited), |a| (a.created, a.edited));
    let mut rest = format!(" · {}", age(core.now.wall, created));
    if edited {
        rest.push_str(" · edited");
    }
    let answered = answer.is_none() && question.answered;
    let mark = if answered { " ✔ answered" } else { "" };
    let room = usize::from(cells).saturating_sub(crate::widgets::width(&rest) + crate::widgets::width(mark));
    let name = cut(author(detail, post).name.as_str(), room);
    Text::from(vec![
        Span::styled(name, theme.strong),
        Span::styled(rest, theme.muted),
        Span::styled(mark, theme.good),
    ])
}

/// What is said below the last post.
fn draw_end(detail: &Detail, canvas: &mut Canvas, row: Rect) {
    let theme = canvas.theme;
    let trouble = detail.answers.trouble().or(detail.answers.next_error());
    let (text, style) = match (trouble, detail.answers.rows()) {
        (Some(trouble), _) => (trouble.text.as_str(), theme.bad),
        (None, None) => (texts::LOADING, theme.muted),
        (None, Some(answers)) if answers.next.is_some() => (texts::LOADING_MORE, theme.muted),
        (None, Some(answers)) if answers.items.is_empty() => (texts::NO_ANSWERS, theme.muted),
        (None, Some(_)) => ("", theme.muted),
    };
    canvas.text(row, text, style);
}
