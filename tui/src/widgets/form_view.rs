//! Drawing a form: in boxes where there is room, line by line where there is not.

use ratatui::{
    layout::{Position, Rect},
    widgets::Block,
};

use super::{Canvas, Field, Form, width, wrap_plain};
use crate::{clean::Clean, input::Hit, model::Tone};

/// Columns the labels take where label and input share a line.
const LABEL: u16 = 10;
/// Wider input is harder to read, not easier.
const MAX_WIDTH: u16 = 100;
/// Lines a text of many lines has at least.
const TALL: u16 = 3;

#[derive(Clone, Copy, PartialEq, Eq)]
enum FormLayout {
    Boxes,
    Lines,
}

/// Draws the form and puts the cursor into the field that has the focus.
pub(crate) fn form_view(form: &Form, canvas: &mut Canvas, area: Rect) {
    let area = Rect { width: area.width.min(MAX_WIDTH), ..area };
    let style =
        if needed(form, FormLayout::Boxes) <= area.height { FormLayout::Boxes } else { FormLayout::Lines };
    let spare = area.height.saturating_sub(needed(form, style));
    let mut heights: Vec<u16> = form.fields.iter().map(|f| height(f, style, spare)).collect();
    heights.push(u16::from(!form.buttons.is_empty()));
    // What has the focus is always on the screen, whatever has to leave at the top for it.
    let bottom: u16 = heights.iter().take(form.focus + 1).sum();
    let mut skip = bottom.saturating_sub(area.height);
    let mut y = area.y;
    for (index, &rows) in heights.iter().enumerate() {
        if skip > 0 {
            skip = skip.saturating_sub(rows);
            continue;
        }
        let rows = rows.min(area.bottom().saturating_sub(y));
        let block = Rect { y, height: rows, ..area };
        match form.fields.get(index) {
            Some(field) => draw_field(field, index, form.focus == index, style, canvas, block),
            None => draw_buttons(form, canvas, block),
        }
        y += rows;
    }
}

/// Rows the form needs.
fn needed(form: &Form, style: FormLayout) -> u16 {
    form.fields.iter().map(|f| height(f, style, 0)).sum::<u16>() + u16::from(!form.buttons.is_empty())
}

fn height(field: &Field, style: FormLayout, spare: u16) -> u16 {
    let input = if field.tall { TALL + spare } else { 1 };
    match (style, field.tall) {
        (FormLayout::Boxes, _) => input + 3,
        (FormLayout::Lines, true) => input + 1 + u16::from(field.problem.is_some()),
        (FormLayout::Lines, false) => input + u16::from(field.problem.is_some() || field.remark.is_some()),
    }
}

fn draw_field(field: &Field, index: usize, focus: bool, style: FormLayout, canvas: &mut Canvas, area: Rect) {
    if area.height == 0 {
        return;
    }
    canvas.hits.push(area, Hit::Field(index));
    let has_note = field.problem.is_some() || field.remark.is_some();
    let note_rows =
        u16::from(style == FormLayout::Boxes || has_note && (!field.tall || field.problem.is_some()));
    let body = Rect { height: area.height.saturating_sub(note_rows).max(1), ..area };
    let input = frame_field(field, focus, style, canvas, body);
    draw_text(field, canvas, input);
    if focus && input.height > 0 {
        put_cursor(field, canvas, input);
    }
    if area.height > body.height {
        draw_note(field, canvas, Rect { y: body.bottom(), height: 1, ..area });
    }
}

/// Draws the text, of which only here what cannot be seen is taken away, cell by cell: so the cursor and the ends of
/// the rows stay where the editor knows them.
pub(crate) fn draw_text(field: &Field, canvas: &mut Canvas, input: Rect) {
    canvas.frame.render_widget(field.area(), input);
    let buffer = canvas.frame.buffer_mut();
    for place in input.intersection(buffer.area).positions() {
        let cell = &mut buffer[place];
        if cell.symbol().is_ascii() {
            continue;
        }
        let clean = Clean::line(cell.symbol());
        if clean.as_str() == cell.symbol() {
            continue;
        }
        let as_wide = width(clean.as_str()) == width(cell.symbol());
        cell.set_symbol(if as_wide { clean.as_str() } else { "\u{FFFD}" });
    }
}

/// Draws what is around the input and says where the input goes.
fn frame_field(field: &Field, focus: bool, style: FormLayout, canvas: &mut Canvas, body: Rect) -> Rect {
    let theme = canvas.theme;
    let label = if focus { theme.accent } else { theme.strong };
    match (style, field.tall) {
        (FormLayout::Boxes, _) => {
            let border = if focus { theme.accent } else { theme.muted };
            let block =
                Block::bordered().border_style(border).title(format!(" {} ", field.label)).title_style(label);
            let inner = block.inner(body);
            canvas.frame.render_widget(block, body);
            draw_counter(field, canvas, Rect { x: inner.x, width: inner.width, height: 1, ..body });
            inner
        }
        (FormLayout::Lines, true) => {
            canvas.text(Rect { height: 1, ..body }, field.label, label);
            draw_counter(field, canvas, Rect { height: 1, ..body });
            Rect { y: body.y + 1, height: body.height.saturating_sub(1), ..body }
        }
        (FormLayout::Lines, false) => {
            canvas.text(Rect { width: LABEL.min(body.width), ..body }, field.label, label);
            let taken = draw_counter(field, canvas, Rect { height: 1, ..body });
            Rect { x: body.x + LABEL, width: body.width.saturating_sub(LABEL + taken), ..body }
        }
    }
}

/// Draws how much is left of the limit at the right end of this row, where it matters; says how many cells it took.
fn draw_counter(field: &Field, canvas: &mut Canvas, row: Rect) -> u16 {
    let Some((count, most)) = field.counter() else { return 0 };
    let text = format!(" {}/{} ", grouped(count), grouped(most));
    let cells = u16::try_from(width(&text)).unwrap_or(u16::MAX).min(row.width);
    let style = if count > most { canvas.theme.bad } else { canvas.theme.warning };
    canvas.text(Rect { x: row.right() - cells, width: cells, ..row }, &text, style);
    cells
}

/// A number as people read it.
fn grouped(number: usize) -> String {
    match number {
        0..1_000 => number.to_string(),
        _ => format!("{},{:03}", grouped(number / 1_000), number % 1_000),
    }
}

fn put_cursor(field: &Field, canvas: &mut Canvas, input: Rect) {
    let cursor = field.area().screen_cursor();
    let (top, left) = field.area().scroll_offset();
    let cells =
        |position: usize, offset: u16| u16::try_from(position).unwrap_or(u16::MAX).saturating_sub(offset);
    let x = cells(cursor.col, left).min(input.width.saturating_sub(1));
    let y = cells(cursor.row, top).min(input.height.saturating_sub(1));
    canvas.frame.set_cursor_position(Position::new(input.x + x, input.y + y));
}

/// What is wrong, or else what there is to say.
fn draw_note(field: &Field, canvas: &mut Canvas, area: Rect) {
    let theme = canvas.theme;
    let area = Rect { x: area.x + 1, width: area.width.saturating_sub(1), ..area };
    match (&field.problem, &field.remark) {
        (Some(problem), _) => {
            canvas.text(area, &format!("✘ {} {}", field.label, problem.as_str()), theme.bad);
        }
        (None, Some((tone, remark))) => {
            let style = match tone {
                Tone::Good => theme.good,
                Tone::Bad => theme.bad,
                Tone::Plain => theme.muted,
            };
            canvas.text(area, remark.as_str(), style);
        }
        (None, None) => {}
    }
}

fn draw_buttons(form: &Form, canvas: &mut Canvas, area: Rect) {
    let mut x = area.x;
    for (index, button) in form.buttons.iter().enumerate() {
        if area.height == 0 || x >= area.right() {
            return;
        }
        let focus = form.focus == form.fields.len() + index;
        x += canvas.button(Position::new(x, area.y), button.label, button.action, focus) + 2;
    }
}

/// Draws sentences below each other; says how many rows they took.
pub(crate) fn paragraph(canvas: &mut Canvas, area: Rect, text: &str, style: ratatui::style::Style) -> u16 {
    let rows = wrap_plain(text, area.width.into());
    let taken = u16::try_from(rows.len()).unwrap_or(u16::MAX).min(area.height);
    for (y, row) in (area.y..area.y + taken).zip(&rows) {
        canvas.text(Rect { y, height: 1, ..area }, row, style);
    }
    taken
}

/// Draws texts below each other; says what is left of the area.
pub(crate) fn paragraphs<'t>(
    canvas: &mut Canvas,
    area: Rect,
    texts: impl IntoIterator<Item = (&'t str, ratatui::style::Style)>,
) -> Rect {
    texts.into_iter().fold(area, |rest, (text, style)| {
        let taken = paragraph(canvas, rest, text, style);
        Rect { y: rest.y + taken, height: rest.height.saturating_sub(taken), ..rest }
    })
}
