//! Requests that wait while the user signs in again.

use std::mem;

use super::{Model, answers::deliver};
use crate::{
    api::Failure,
    model::{ReqId, UiError, cmd::Request},
    overlay::{Overlay, SignInAgain},
};

/// The session has ended: the request waits until the user has signed in again.
pub(super) fn park(model: &mut Model, req: ReqId, call: Request) {
    model.core.parked.push((req, call));
    if matches!(model.overlay, Some(Overlay::SignInAgain(_))) {
        return;
    }
    // A confirmation that was open is kept beneath, for its request is among those that wait.
    let beneath = model.overlay.take();
    model.overlay = Some(Overlay::SignInAgain(Box::new(SignInAgain::new(beneath))));
}

pub(super) fn resume_parked(model: &mut Model) {
    restore_beneath(model);
    for (req, call) in mem::take(&mut model.core.parked) {
        model.core.resend(req, None, call);
    }
}

pub(super) fn cancel_parked(model: &mut Model) {
    restore_beneath(model);
    for (req, _) in mem::take(&mut model.core.parked) {
        deliver(model, req, Err(UiError::from(Failure::SignedOut)));
    }
}

fn restore_beneath(model: &mut Model) {
    model.overlay = match model.overlay.take() {
        Some(Overlay::SignInAgain(again)) => again.beneath.map(|beneath| *beneath),
        _ => None,
    };
}
