//! What happens to the model, and what it then wants done. No I/O, no clock, no chance.

use std::mem;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ro_co_shared::Code;

use crate::{
    api::Failure,
    cmd::{Call, Cmd},
    drafts::{DraftId, DraftOf},
    input::{Action, Context, Hit, Meaning, Pointer},
    model::{About, Change, Connection, Core, Model, Question, ReqId, Tone, Trouble, Warning},
    msg::{Msg, Outcome},
    overlay::{Help, Overlay, SignInAgain},
    screens::{Go, Screen},
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
        Msg::Done(req, answer) => on_done(model, req, answer),
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
        Msg::Trouble(text) => model.core.toast(Tone::Bad, text),
        Msg::Picture => {}
        Msg::Stop => quit(model),
    }
    spread_changes(model);
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

fn on_key(model: &mut Model, key: KeyEvent) {
    let chord = key.into();
    let meaning = model.core.keys.resolve(model.context(), &model.before, chord);
    let had_prefix = !model.before.is_empty();
    match meaning {
        Meaning::Prefix => {
            model.before.push(chord);
        }
        Meaning::Action(action) => {
            model.before.clear();
            act(model, action);
        }
        Meaning::None if had_prefix => {
            // The first key led nowhere; the second one counts on its own.
            model.before.clear();
            on_key(model, key);
        }
        Meaning::None => match without_escape(model.context(), key) {
            Some(rest) => {
                on_key(model, KeyEvent::new(KeyCode::Esc, KeyModifiers::NONE));
                on_key(model, rest);
            }
            None => type_key(model, key),
        },
    }
}

/// Escape and a key in one breath look like that key with Alt. Where Alt has a meaning of its own, in a text, it
/// keeps it, unless Ctrl is pressed as well.
fn without_escape(context: Context, key: KeyEvent) -> Option<KeyEvent> {
    let has = |modifier| key.modifiers.contains(modifier);
    let two = has(KeyModifiers::ALT) && (context != Context::Form || has(KeyModifiers::CONTROL));
    two.then(|| KeyEvent::new(key.code, key.modifiers - KeyModifiers::ALT))
}

fn type_key(model: &mut Model, key: KeyEvent) {
    let Model { core, stack, overlay, .. } = model;
    match (overlay, stack.last_mut()) {
        (Some(overlay), _) => overlay.key(key),
        (None, Some(screen)) => screen.page_mut().key(core, key),
        (None, None) => {}
    }
}

fn on_paste(model: &mut Model, text: &str) {
    let Model { core, stack, overlay, .. } = model;
    match (overlay, stack.last_mut()) {
        (Some(overlay), _) => overlay.paste(text),
        (None, Some(screen)) => screen.page_mut().paste(core, text),
        (None, None) => {}
    }
}

fn on_pointer(model: &mut Model, pointer: Pointer) {
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

fn act(model: &mut Model, action: Action) {
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

/// Ends the program; what is being written stays as a draft.
fn quit(model: &mut Model) {
    for screen in &mut model.stack {
        screen.page_mut().leaving(&mut model.core);
    }
    model.core.outbox.push(Cmd::Quit);
}

/// Moves between screens.
fn follow(model: &mut Model, go: Go) {
    match go {
        Go::Stay => return,
        Go::To(screen) => model.stack.push(*screen),
        Go::Home(screen) => {
            while !model.stack.is_empty() {
                leave_top(model);
            }
            model.overlay = None;
            // Whatever is still on its way belongs to screens that are gone, perhaps to another user.
            model.core.in_flight.clear();
            model.core.parked.clear();
            model.stack.push(*screen);
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
        Go::Over(overlay) => {
            model.overlay = Some(*overlay);
            return;
        }
        Go::Uncover => {
            model.overlay = None;
            return;
        }
        Go::Pass(action) => {
            model.overlay = None;
            return act(model, action);
        }
        Go::GiveUp => return give_up(model),
        Go::CarryOn => return carry_on(model),
    }
    if let Some(screen) = model.stack.last_mut() {
        screen.page_mut().entered(&mut model.core);
    }
}

fn leave_top(model: &mut Model) {
    if let Some(mut screen) = model.stack.pop() {
        screen.page_mut().leaving(&mut model.core);
    }
}

fn on_done(model: &mut Model, req: ReqId, answer: Result<Outcome, Failure>) {
    // Nobody waits for it any more: outdated.
    let Some(call) = model.core.in_flight.remove(&req) else { return };
    note_connection(model, &answer);
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

fn deliver(model: &mut Model, req: ReqId, answer: Result<Outcome, Trouble>) {
    let Model { core, stack, overlay, .. } = model;
    let go = if let Some(overlay) = overlay.as_mut().filter(|overlay| overlay.awaits(req)) {
        overlay.done(core, answer)
    } else if let Some(at) = stack.iter().rposition(|screen| screen.page().awaits(req)) {
        let is_top = at + 1 == stack.len();
        let go = stack.get_mut(at).map_or(Go::Stay, |screen| screen.page_mut().done(core, req, answer));
        // A screen that is not seen leads nowhere.
        if is_top { go } else { Go::Stay }
    } else {
        if let Err(trouble) = answer {
            core.complain(&trouble);
        }
        Go::Stay
    };
    follow(model, go);
}

fn note_connection(model: &mut Model, answer: &Result<Outcome, Failure>) {
    match answer {
        Err(Failure::Offline(_)) => {
            if mem::replace(&mut model.core.connection, Connection::Offline) != Connection::Offline {
                model.core.toasts.forget(About::Connection);
            }
        }
        Err(Failure::Busy { .. }) => model.core.connection = Connection::Online,
        Err(Failure::Problem(problem)) if problem.code == Code::Unavailable => {}
        _ => {
            let was_offline = model.core.connection == Connection::Offline;
            model.core.online();
            if was_offline {
                model.core.toast_about(About::Connection, Tone::Good, "The server is back.");
                retry(model);
            }
        }
    }
}

/// The server asks to wait. With what the client does by itself that is the client's affair; with what the user does,
/// they see for how long.
fn note_pause(model: &mut Model, call: &Call, answer: &Result<Outcome, Failure>) {
    if let Err(Failure::Busy { retry_after, .. }) = answer
        && call.is_the_users()
    {
        model.core.hold = Some(model.core.now.run + *retry_after);
    }
}

/// What the success of a request changes, whether or not the screen that sent it is still there.
fn note_change(model: &mut Model, call: &Call, outcome: &Outcome) {
    let change = match (call, outcome) {
        (Call::Ask { .. }, Outcome::Question(q)) => Change::Asked(q.value.clone().into()),
        (Call::EditQuestion { .. } | Call::Mark { .. }, Outcome::Question(q)) => {
            Change::Question(Question::from(q.value.clone()))
        }
        (Call::Reply { .. }, Outcome::Answer(a)) => Change::Answered(a.value.clone().into()),
        (Call::EditAnswer { .. }, Outcome::Answer(a)) => Change::Answer(a.value.clone().into()),
        (Call::DeleteQuestion(id), _) => Change::QuestionGone(*id),
        (Call::DeleteAnswer { id, question }, _) => Change::AnswerGone(*id, *question),
        (Call::NewAvatar, Outcome::User(user)) => Change::Me(user.clone().into()),
        _ => return,
    };
    model.core.changes.push(change);
}

fn spread_changes(model: &mut Model) {
    for change in mem::take(&mut model.core.changes) {
        match &change {
            Change::Me(me) => model.core.me = Some(me.clone()),
            Change::QuestionGone(id) => drop_draft(&mut model.core, DraftOf::EditQuestion(*id)),
            Change::AnswerGone(id, _) => drop_draft(&mut model.core, DraftOf::EditAnswer(*id)),
            _ => {}
        }
        for screen in &mut model.stack {
            screen.page_mut().changed(&mut model.core, &change);
        }
        let seen_before = model.stack.len();
        model.stack.retain(|screen| !screen.page().is_gone());
        if model.stack.len() < seen_before
            && let Some(screen) = model.stack.last_mut()
        {
            screen.page_mut().resized(&model.core);
        }
    }
}

/// Forgets what the user made of a text that is gone.
fn drop_draft(core: &mut Core, of: DraftOf) {
    core.outbox.extend(core.my_id().map(|by| Cmd::DropDraft(DraftId { by, of })));
}

/// The session has ended: the request waits until the user has signed in again.
fn park(model: &mut Model, req: ReqId, call: Call) {
    model.core.parked.push((req, call));
    if matches!(model.overlay, Some(Overlay::SignInAgain(_))) {
        return;
    }
    // A confirmation that was open is kept beneath, for its request is among those that wait.
    let beneath = model.overlay.take();
    model.overlay = Some(Overlay::SignInAgain(Box::new(SignInAgain::new(&model.core, beneath))));
}

fn carry_on(model: &mut Model) {
    uncover_beneath(model);
    for (req, call) in mem::take(&mut model.core.parked) {
        model.core.resend(req, None, call);
    }
}

fn give_up(model: &mut Model) {
    uncover_beneath(model);
    for (req, _) in mem::take(&mut model.core.parked) {
        deliver(model, req, Err(Trouble::from(Failure::SignedOut)));
    }
}

fn uncover_beneath(model: &mut Model) {
    model.overlay = match model.overlay.take() {
        Some(Overlay::SignInAgain(again)) => again.beneath.map(|beneath| *beneath),
        _ => None,
    };
}

fn on_tick(model: &mut Model) {
    let now = model.core.now.run;
    model.core.toasts.expire(now);
    if model.core.hold.is_some_and(|until| until <= now) {
        model.core.hold = None;
        model.core.toast(Tone::Plain, "The wait is over: you can try again.");
    }
    if model.core.retry_at.is_some_and(|at| at <= now) {
        model.core.retry_at = None;
        retry(model);
    }
    for screen in &mut model.stack {
        screen.page_mut().due(&mut model.core);
    }
}

fn retry(model: &mut Model) {
    if let Some(screen) = model.stack.last_mut().map(Screen::page_mut) {
        screen.retry(&mut model.core);
    }
}
