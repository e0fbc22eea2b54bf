//! The update function. No I/O, no clock, no randomness.

mod answers;
mod changes;
mod keys;
mod model;
mod navigation;
mod session;

use std::mem;

pub(crate) use model::Model;

use self::{
    answers::{on_done, retry},
    changes::apply_changes,
    keys::{on_key, on_paste, on_pointer},
    navigation::quit,
};
use crate::{
    model::{Core, Tone, Warning, cmd::Cmd},
    msg::Msg,
    texts::chrome as texts,
};

/// Handles one message.
pub(crate) fn update(model: &mut Model, msg: Msg) -> Vec<Cmd> {
    match msg {
        Msg::Key(key) => on_key(model, key),
        Msg::Paste(text) => on_paste(model, &text),
        Msg::Pointer(pointer) => on_pointer(model, pointer),
        Msg::Resize(size) => {
            model.core.size = size;
            for screen in &mut model.stack {
                screen.page_mut().resized(&model.core);
            }
        }
        Msg::Done { req, answer, heard } => on_done(model, req, answer, heard),
        Msg::Tick => on_tick(model),
        Msg::Draft { id, draft } => {
            for screen in &mut model.stack {
                screen.page_mut().draft(&mut model.core, id, draft.as_ref());
            }
        }
        Msg::Edited(edited) => {
            if let Some(screen) = model.stack.last_mut() {
                screen.page_mut().edited(&mut model.core, edited);
            }
        }
        Msg::Warning(warning) => warn(&mut model.core, warning),
        Msg::Moved(address) => model.core.server.address = address,
        Msg::Error(text) => model.core.toast(Tone::Bad, text),
        Msg::Picture => {}
        Msg::Stop => quit(model),
    }
    apply_changes(model);
    mem::take(&mut model.core.outbox)
}

fn warn(core: &mut Core, warning: Option<Warning>) {
    if let Some(full) = warning.as_ref().and_then(|warning| warning.full.as_ref())
        && warning != core.warning
    {
        core.toast(Tone::Plain, full);
    }
    core.warning = warning;
}

/// The first thing the program asks for.
pub(crate) fn start(model: &mut Model) -> Vec<Cmd> {
    if let Some(screen) = model.stack.last_mut() {
        screen.page_mut().entered(&mut model.core);
    }
    mem::take(&mut model.core.outbox)
}

fn on_tick(model: &mut Model) {
    let now = model.core.now.run;
    model.core.toasts.expire(now);
    if model.core.hold.is_some_and(|until| until <= now) {
        model.core.hold = None;
        model.core.toast(Tone::Plain, texts::TRY_AGAIN_NOW);
    }
    if model.core.retry_at.is_some_and(|at| at <= now) {
        model.core.retry_at = None;
        retry(model);
    }
    for screen in &mut model.stack {
        screen.page_mut().due(&mut model.core);
    }
}
