//! Keys, pastes and the mouse: to the overlay, or else to the screen.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::{
    Model,
    navigation::{follow, quit},
};
use crate::{
    input::{Action, Context, Hit, KeyResolution, Pointer, on_us_keyboard},
    model::cmd::Cmd,
    nav::Go,
    overlay::{Help, Overlay},
};

pub(super) fn on_key(model: &mut Model, key: KeyEvent) {
    let key = readable(model, key);
    let chord = key.into();
    let meaning = model.core.keys.resolve(model.context(), &model.before, chord);
    let had_prefix = !model.before.is_empty();
    match meaning {
        KeyResolution::Prefix => {
            model.before.push(chord);
        }
        KeyResolution::Action(action) => {
            model.before.clear();
            act(model, action);
        }
        KeyResolution::None if had_prefix => {
            // The first key led nowhere; the second one counts on its own.
            model.before.clear();
            on_key(model, key);
        }
        KeyResolution::None => match without_escape(model.context(), key) {
            Some(rest) => {
                on_key(model, KeyEvent::new(KeyCode::Esc, KeyModifiers::NONE));
                on_key(model, rest);
            }
            None => type_key(model, key),
        },
    }
}

/// Escape followed at once by a key looks like that key with Alt. Where Alt has a meaning of its own, in a text, it
/// keeps it, unless Ctrl is pressed as well.
fn without_escape(context: Context, key: KeyEvent) -> Option<KeyEvent> {
    let has = |modifier| key.modifiers.contains(modifier);
    let two = has(KeyModifiers::ALT) && (context != Context::Form || has(KeyModifiers::CONTROL));
    two.then(|| KeyEvent::new(key.code, key.modifiers - KeyModifiers::ALT))
}

/// The key, or where it means nothing and can be no text the one in its place on a US keyboard.
fn readable(model: &Model, key: KeyEvent) -> KeyEvent {
    let context = model.context();
    let is_text = context == Context::Form && !key.modifiers.contains(KeyModifiers::CONTROL);
    let is_bound = || model.core.keys.resolve(context, &model.before, key.into()) != KeyResolution::None;
    if is_text || is_bound() { key } else { on_us_keyboard(key).unwrap_or(key) }
}

fn type_key(model: &mut Model, key: KeyEvent) {
    let Model { core, stack, overlay, .. } = model;
    match (overlay, stack.last_mut()) {
        (Some(overlay), _) => overlay.key(key),
        (None, Some(screen)) => screen.page_mut().key(core, key),
        (None, None) => {}
    }
}

pub(super) fn on_paste(model: &mut Model, text: &str) {
    let Model { core, stack, overlay, .. } = model;
    match (overlay, stack.last_mut()) {
        (Some(overlay), _) => overlay.paste(text),
        (None, Some(screen)) => screen.page_mut().paste(core, text),
        (None, None) => {}
    }
}

pub(super) fn on_pointer(model: &mut Model, pointer: Pointer) {
    if let Pointer::Click(Hit::Action(action)) = pointer {
        return act(model, action);
    }
    let Model { core, stack, overlay, .. } = model;
    match (overlay, stack.last_mut(), pointer) {
        (Some(overlay), _, Pointer::Wheel(lines)) => overlay.wheel(lines),
        (Some(overlay), _, Pointer::Click(hit)) => overlay.click(hit),
        (None, Some(screen), Pointer::Wheel(lines)) => screen.page_mut().wheel(core, lines),
        (None, Some(screen), Pointer::Click(hit)) => {
            let go = screen.page_mut().click(core, hit);
            follow(model, go);
        }
        (None, None, _) => {}
    }
}

pub(super) fn act(model: &mut Model, action: Action) {
    match action {
        Action::Exit => return quit(model),
        Action::Suspend => return model.core.outbox.push(Cmd::Suspend),
        Action::Redraw => return model.core.outbox.push(Cmd::Redraw),
        Action::Help if model.overlay.is_none() => {
            model.overlay = Some(Overlay::Help(Help::default()));
            return;
        }
        _ => {}
    }
    let Model { core, stack, overlay, .. } = model;
    let go = match (overlay, stack.last_mut()) {
        (Some(overlay), _) => overlay.act(core, action),
        (None, Some(screen)) => screen.page_mut().act(core, action),
        (None, None) => Go::Stay,
    };
    follow(model, go);
}
