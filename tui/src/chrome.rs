//! The frame around every screen: title bar, key hints, status bar, toasts.

use std::time::Duration;

use ratatui::{
    layout::{Rect, Size},
    style::Style,
    text::{Line, Span},
    widgets::Clear,
};

use crate::{
    api::whole_seconds,
    input::{Action, ActionInfo, Context, Hit},
    model::{Connection, Core, Tone},
    overlay::Overlay,
    texts::chrome as texts,
    update::Model,
    widgets::{Canvas, body, cut, spinner, width, wrap_plain},
};

/// The smallest terminal this is made for.
const MIN_SIZE: Size = Size::new(40, 12);

/// Draws one frame: nothing but what the model says.
pub(crate) fn view(model: &Model, canvas: &mut Canvas) {
    let area = canvas.frame.area();
    if area.width < MIN_SIZE.width || area.height < MIN_SIZE.height {
        return too_small(canvas, area);
    }
    let core = &model.core;
    title_bar(model, canvas, Rect { height: 1, ..area });
    model.top().view(core, canvas, body(area.as_size()));
    let bottom = area.bottom();
    status_bar(core, canvas, Rect { y: bottom - 1, height: 1, ..area });
    if let Some(overlay) = &model.overlay {
        overlay.view(core, model.top(), canvas);
    }
    footer(model, canvas, Rect { y: bottom - 2, height: 1, ..area });
    match model.context() {
        // What is being typed must not be covered.
        Context::Form => latest_toast(core, canvas, Rect { y: bottom - 2, height: 2, ..area }),
        Context::Page | Context::Dialog => toasts(core, canvas, body(area.as_size())),
    }
}

fn too_small(canvas: &mut Canvas, area: Rect) {
    let text = texts::too_small(MIN_SIZE.width, MIN_SIZE.height);
    let style = canvas.theme.text;
    for (y, row) in (area.y..area.bottom()).zip(wrap_plain(&text, area.width.into())) {
        canvas.text(Rect { y, height: 1, ..area }, &row, style);
    }
}

fn title_bar(model: &Model, canvas: &mut Canvas, area: Rect) {
    let core = &model.core;
    let bar = canvas.theme.bar;
    let waiting = model.top().waiting().or_else(|| model.overlay.as_ref().and_then(Overlay::waiting));
    let spin = spinner(core, waiting).unwrap_or(" ");
    let me = core.me.as_ref().map_or("", |me| me.person.name.as_str());
    let me = cut(me, usize::from(area.width) / 3);
    let left = usize::from(area.width).saturating_sub(width(&me) + 3);
    let title = cut(&format!(" Ro-Co · {} {spin}", model.top().title(core)), left);
    let gap = " ".repeat(usize::from(area.width).saturating_sub(width(&title) + width(&me) + 1));
    canvas.line(area, Line::styled(format!("{title}{gap}{me} "), bar));
}

/// The actions possible now, as many as fit; each can be clicked.
fn footer(model: &Model, canvas: &mut Canvas, area: Rect) {
    let context = model.context();
    let actions = match &model.overlay {
        Some(overlay) => overlay.actions(),
        None => model.top().actions(&model.core),
    };
    let key = |action| model.core.keys.keys(context, action).next();
    // The way to all the others keeps its place at the right, however many there are.
    let mut right = area.right();
    if let Some(key) = key(Action::Help).filter(|_| model.overlay.is_none()) {
        right -= hint_width(key, "help") + 1;
        hint(canvas, Rect { x: right, ..area }, key, &ActionInfo::new(Action::Help, "help"));
    }
    let mut x = area.x + 1;
    for info in actions.iter().filter(|info| info.enabled && info.footer) {
        let Some(key) = key(info.action) else { continue };
        let wide = hint_width(key, info.label);
        if x + wide + 2 > right {
            return;
        }
        hint(canvas, Rect { x, ..area }, key, info);
        x += wide + 2;
    }
}

fn hint_width(key: &str, label: &str) -> u16 {
    to_cells(width(key) + 1 + width(label))
}

fn hint(canvas: &mut Canvas, area: Rect, key: &str, info: &ActionInfo) {
    let theme = canvas.theme;
    let place = Rect { width: hint_width(key, info.label), ..area };
    let text = vec![Span::styled(key, theme.accent), Span::styled(format!(" {}", info.label), theme.muted)];
    canvas.line(place, Line::from(text));
    canvas.hits.push(place, Hit::Action(info.action));
}

fn status_bar(core: &Core, canvas: &mut Canvas, area: Rect) {
    let (mark, state, style) = match core.connection {
        Connection::Unknown if core.in_flight.is_empty() => ("○", texts::NOT_CONNECTED, canvas.theme.muted),
        Connection::Unknown => ("○", texts::CONNECTING, canvas.theme.muted),
        Connection::Online => ("●", texts::ONLINE, canvas.theme.good),
        Connection::Offline => ("✘", texts::OFFLINE, canvas.theme.bad),
    };
    let left = format!(" {mark} {state} ");
    let mut rest = Rect { x: area.x + u16::try_from(width(&left)).unwrap_or(0), ..area };
    rest.width = area.right().saturating_sub(rest.x);
    canvas.text(area, &left, style);
    let in_seconds = |at: Duration| whole_seconds(at.saturating_sub(core.now.run));
    let next_try = match (core.hold, core.retry_at) {
        (Some(until), _) => texts::try_again_in(in_seconds(until)),
        (None, Some(at)) => texts::next_try_in(in_seconds(at)),
        (None, None) => String::new(),
    };
    let warning = core.warning.as_ref().map_or(String::new(), |w| format!(" · {}", w.brief));
    let text = format!("{next_try}{}{warning}", core.server.address.as_str());
    let style =
        if core.warning.is_some() || core.hold.is_some() { canvas.theme.warning } else { canvas.theme.muted };
    canvas.text(rest, &text, style);
}

fn toasts(core: &Core, canvas: &mut Canvas, area: Rect) {
    let mut bottom = area.bottom();
    for toast in core.toasts.iter().rev() {
        let widest = usize::from(area.width.saturating_sub(6)).min(60);
        let rows = wrap_plain(toast.text.as_str(), widest);
        let wide = rows.iter().map(|row| width(row)).max().unwrap_or(0);
        let size = Size::new(to_cells(wide) + 4, to_cells(rows.len()) + 2);
        if size.height > bottom.saturating_sub(area.y) {
            return;
        }
        bottom -= size.height;
        let place = Rect::new(area.right() - size.width, bottom, size.width, size.height);
        let (title, style) = tone(canvas, toast.tone);
        let inner = canvas.overlay(place, title);
        for (y, row) in (inner.y..inner.bottom()).zip(&rows) {
            canvas.text(Rect { y, height: 1, ..inner }, row, style);
        }
    }
}

/// Draws the latest message over the bars at the bottom, over both only where one is not enough.
fn latest_toast(core: &Core, canvas: &mut Canvas, area: Rect) {
    let Some(toast) = core.toasts.iter().next_back() else { return };
    let (mark, style) = tone(canvas, toast.tone);
    let text = format!("{mark} {}", toast.text);
    let cells = usize::from(area.width.saturating_sub(2));
    let mut rows = wrap_plain(&text, cells);
    if rows.len() > usize::from(area.height) {
        let rest = rows.drain(1..).collect::<Vec<_>>().join(" ");
        rows.push(cut(&rest, cells));
    }
    let high = to_cells(rows.len());
    let place = Rect { y: area.bottom() - high, height: high, ..area };
    canvas.frame.render_widget(Clear, place);
    for (y, row) in (place.y..).zip(&rows) {
        canvas.text(Rect { x: place.x + 1, y, width: place.width - 1, height: 1 }, row, style);
    }
}

fn tone(canvas: &Canvas, tone: Tone) -> (&'static str, Style) {
    match tone {
        Tone::Good => ("✔", canvas.theme.good),
        Tone::Bad => ("✘", canvas.theme.bad),
        Tone::Plain => ("·", canvas.theme.text),
    }
}

fn to_cells(count: usize) -> u16 {
    u16::try_from(count).unwrap_or(u16::MAX - 8)
}
