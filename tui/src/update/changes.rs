//! What is different on the server now, and every screen that shows it.

use std::mem;

use super::Model;
use crate::{
    drafts::{DraftId, DraftOf},
    model::{
        Change, Core,
        cmd::{Cmd, Request},
    },
    msg::Outcome,
};

/// What the success of a request changes, whether or not the screen that sent it is still there.
pub(super) fn note_change(model: &mut Model, call: &Request, outcome: &Outcome) {
    let change = match (call, outcome) {
        (Request::Ask { .. }, Outcome::Question(q)) => Change::Asked(q.value.clone().into()),
        (Request::EditQuestion { .. } | Request::Mark { .. }, Outcome::Question(q)) => {
            Change::question(q.clone())
        }
        (Request::Reply { .. }, Outcome::Answer(a)) => Change::Answered(a.value.clone().into()),
        (Request::EditAnswer { .. }, Outcome::Answer(a)) => Change::Answer(a.value.clone().into()),
        (Request::DeleteQuestion(id), _) => Change::QuestionGone(*id),
        (Request::DeleteAnswer { id, question }, _) => Change::AnswerGone(*id, *question),
        (Request::NewAvatar, Outcome::User(user)) => Change::Me(user.clone().into()),
        _ => return,
    };
    model.core.changes.push(change);
}

pub(super) fn apply_changes(model: &mut Model) {
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
