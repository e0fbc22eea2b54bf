//! Keeping what is typed: two seconds after the first change, on every way out, and offered again.

use std::time::Duration;

use super::{Compose, ComposeStatus};
use crate::{
    drafts::{Draft, DraftId},
    model::{Core, Revision, ToastTopic, Tone, cmd::Cmd},
    texts::compose as texts,
};

/// How long a change may be unsaved.
const SAVE_AFTER: Duration = Duration::from_secs(2);

impl Compose {
    /// What the draft is kept under; there is none of a user who is not known.
    pub(super) fn draft_id(&self) -> Option<DraftId> {
        self.by.map(|by| DraftId { by, of: self.target.draft() })
    }

    /// The text is another one now.
    pub(super) fn touched(&mut self, core: &Core) {
        self.changed = true;
        self.save_at.get_or_insert(core.now.run + SAVE_AFTER);
    }

    /// Keeps the text, or forgets the draft of one that says nothing new.
    pub(super) fn save(&mut self, core: &mut Core) {
        self.save_at = None;
        if self.fate == ComposeStatus::Finished || !self.changed {
            return;
        }
        let Some(id) = self.draft_id() else { return };
        let Revision { text, etag } = self.typed();
        let nothing_new = match &self.source {
            Some(source) => source.text == text,
            None => text.is_blank(),
        };
        core.outbox.push(if nothing_new {
            Cmd::DropDraft(id)
        } else {
            let draft = Draft { text, key: self.key.to_string(), etag, saved_at: core.now.wall };
            Cmd::SaveDraft { id, draft }
        });
    }

    /// Brings a draft back, with the key it may have been sent under and the version it changes.
    pub(super) fn restore(&mut self, core: &mut Core, draft: &Draft) {
        self.fill(&draft.text);
        self.key = draft.key.parse().unwrap_or(self.key);
        if self.target.is_edit() {
            self.source = Some(Revision { etag: draft.etag.clone(), ..Revision::default() });
            self.attempted.push(draft.text.clone());
            self.fetch(core);
        }
        self.restored = true;
        self.changed = true;
        core.toast_about(ToastTopic::Draft, Tone::Plain, texts::DRAFT_RESTORED);
    }
}
