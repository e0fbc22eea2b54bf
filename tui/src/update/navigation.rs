//! From screen to screen.

use super::{
    Model,
    answers::retry,
    keys::act,
    session::{cancel_parked, resume_parked},
};
use crate::{
    model::cmd::Cmd,
    nav::{Go, Route},
    overlay::Overlay,
    screens::Screen,
};

/// Ends the program; what is being written stays as a draft.
pub(super) fn quit(model: &mut Model) {
    for screen in &mut model.stack {
        screen.page_mut().leaving(&mut model.core);
    }
    model.core.outbox.push(Cmd::Quit);
}

/// Moves between screens.
pub(super) fn follow(model: &mut Model, go: Go) {
    match go {
        Go::Stay => return,
        Go::To(route) => open(model, route),
        Go::Home(route) => {
            while !model.stack.is_empty() {
                leave_top(model);
            }
            model.overlay = None;
            // Whatever is still in flight belongs to screens that are gone, perhaps to another user.
            model.core.in_flight.clear();
            model.core.parked.clear();
            open(model, route);
        }
        Go::Back => {
            if model.stack.len() > 1 {
                leave_top(model);
                if let Some(screen) = model.stack.last_mut() {
                    screen.page_mut().resized(&model.core);
                }
                return retry(model);
            }
            return quit(model);
        }
        Go::Over(dialog) => {
            model.overlay = Some(Overlay::of(*dialog));
            return;
        }
        Go::CloseOverlay => {
            model.overlay = None;
            return;
        }
        Go::Pass(action) => {
            model.overlay = None;
            return act(model, action);
        }
        Go::CancelParked => return cancel_parked(model),
        Go::ResumeParked => return resume_parked(model),
    }
    if let Some(screen) = model.stack.last_mut() {
        screen.page_mut().entered(&mut model.core);
    }
}

fn open(model: &mut Model, route: Route) {
    model.stack.push(Screen::at(&model.core, route));
}

fn leave_top(model: &mut Model) {
    if let Some(mut screen) = model.stack.pop() {
        screen.page_mut().leaving(&mut model.core);
    }
}
