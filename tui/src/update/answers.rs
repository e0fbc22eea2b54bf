//! Delivery of answers, and the state of the connection.

use std::mem;

use ro_co_shared::Code;

use super::{Model, changes::note_change, navigation::follow, session::park};
use crate::{
    api::Failure,
    model::{Connection, ReqId, ToastTopic, Tone, UiError, cmd::Request},
    msg::Outcome,
    nav::Go,
    screens::Screen,
    texts::chrome as texts,
};

pub(super) fn on_done(model: &mut Model, req: ReqId, answer: Result<Outcome, Failure>, heard: bool) {
    // Outdated: no screen waits for it.
    let Some(call) = model.core.in_flight.remove(&req) else { return };
    note_connection(model, &answer, heard);
    note_pause(model, &call, &answer);
    match answer {
        Err(Failure::SignedOut) if call.needs_session() => park(model, req, call),
        Ok(outcome) => {
            note_change(model, &call, &outcome);
            deliver(model, req, Ok(outcome));
        }
        Err(failure) => deliver(model, req, Err(failure.into())),
    }
}

pub(super) fn deliver(model: &mut Model, req: ReqId, answer: Result<Outcome, UiError>) {
    let Model { core, stack, overlay, .. } = model;
    let go = if let Some(overlay) = overlay.as_mut().filter(|overlay| overlay.awaits(req)) {
        overlay.done(core, answer)
    } else if let Some(at) = stack.iter().rposition(|screen| screen.page().awaits(req)) {
        let is_top = at + 1 == stack.len();
        let go = stack.get_mut(at).map_or(Go::Stay, |screen| screen.page_mut().done(core, req, answer));
        // Only the visible screen may navigate.
        if is_top { go } else { Go::Stay }
    } else {
        if let Err(trouble) = answer {
            core.toast_error(&trouble);
        }
        Go::Stay
    };
    follow(model, go);
}

fn note_connection(model: &mut Model, answer: &Result<Outcome, Failure>, heard: bool) {
    match answer {
        Err(Failure::Offline(_) | Failure::Foreign(_)) => {
            if mem::replace(&mut model.core.connection, Connection::Offline) != Connection::Offline {
                model.core.toasts.forget(ToastTopic::Connection);
            }
        }
        // No reply was received: not signed in, or a `Retry-After` is being observed.
        _ if !heard => {}
        Err(Failure::Busy { .. }) => model.core.connection = Connection::Online,
        Err(Failure::Problem(problem)) if problem.code == Code::Unavailable => {}
        _ => {
            let was_offline = model.core.connection == Connection::Offline;
            model.core.online();
            if was_offline {
                model.core.toast_about(ToastTopic::Connection, Tone::Good, texts::CONNECTED_AGAIN);
                retry(model);
            }
        }
    }
}

/// Shows how long to wait (429, 503) where the user asked for it; background reads wait silently.
fn note_pause(model: &mut Model, call: &Request, answer: &Result<Outcome, Failure>) {
    if let Err(Failure::Busy { retry_after, .. }) = answer
        && call.is_the_users()
    {
        model.core.hold = Some(model.core.now.run + *retry_after);
    }
}

/// The server may be back: the screen asks again for what failed.
pub(super) fn retry(model: &mut Model) {
    if let Some(screen) = model.stack.last_mut().map(Screen::page_mut) {
        screen.retry(&mut model.core);
    }
}
