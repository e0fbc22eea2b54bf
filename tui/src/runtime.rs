//! Executes commands of the model and reports their results.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use secrecy::ExposeSecret;
use tokio::{
    sync::{Semaphore, mpsc},
    task::{AbortHandle, JoinHandle},
};

use crate::{
    api::{Api, Failure},
    avatar::{AvatarKey, Avatars},
    clean::Clean,
    drafts::Drafts,
    log,
    model::ReqId,
    model::cmd::{Cmd, Request, Slot},
    msg::{Msg, Outcome},
    texts,
};

/// Pictures fetched at once; more would only make each slower.
const PICTURES: usize = 4;
/// A picture that could not be had is asked for again no sooner than this.
const PICTURE_PAUSE: Duration = Duration::from_secs(30);
/// How long drafts may take on exit.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(2);

/// Runs requests, drafts and pictures beside the loop.
pub(crate) struct Runtime {
    api: Api,
    avatars: Avatars,
    messages: mpsc::UnboundedSender<Msg>,
    running: HashMap<ReqId, AbortHandle>,
    slots: HashMap<Slot, ReqId>,
    pictures: Arc<Mutex<HashSet<AvatarKey>>>,
    picture_turns: Arc<Semaphore>,
    drafts: mpsc::UnboundedSender<Cmd>,
    draft_keeper: JoinHandle<()>,
}

impl Runtime {
    /// One that answers to `messages`. Without `drafts` nothing is kept.
    pub(crate) fn new(
        api: Api,
        avatars: Avatars,
        drafts: Option<Drafts>,
        messages: mpsc::UnboundedSender<Msg>,
    ) -> Self {
        let (jobs, inbox) = mpsc::unbounded_channel();
        let draft_keeper = tokio::spawn(keep_drafts(drafts, inbox, messages.clone()));
        Self {
            api,
            avatars,
            messages,
            running: HashMap::new(),
            slots: HashMap::new(),
            pictures: Arc::default(),
            picture_turns: Arc::new(Semaphore::new(PICTURES)),
            drafts: jobs,
            draft_keeper,
        }
    }

    /// Executes a command. Terminal commands are handled by the event loop.
    pub(crate) fn start(&mut self, cmd: Cmd) {
        match cmd {
            Cmd::Request { req, slot, call } => self.call(req, slot, call),
            Cmd::Abort(req) => self.abort(req),
            Cmd::FindDraft(_) | Cmd::SaveDraft { .. } | Cmd::DropDraft(_) => {
                // The keeper lives as long as this does.
                let _ = self.drafts.send(cmd);
            }
            Cmd::Edit(_) | Cmd::Suspend | Cmd::Redraw | Cmd::Quit => {}
        }
    }

    fn call(&mut self, req: ReqId, slot: Option<Slot>, call: Request) {
        self.running.retain(|_, task| !task.is_finished());
        if let Some(older) = slot.and_then(|slot| self.slots.insert(slot, req)) {
            self.abort(older);
        }
        let (api, messages) = (self.api.clone(), self.messages.clone());
        let task = tokio::spawn(async move {
            let before = api.replies();
            let answer = perform(&api, call).await;
            let heard = api.replies() != before;
            // The receiver is gone only when the loop has ended.
            let _ = messages.send(Msg::Done { req, answer, heard });
        });
        self.running.insert(req, task.abort_handle());
    }

    fn abort(&mut self, req: ReqId) {
        if let Some(task) = self.running.remove(&req) {
            task.abort();
        }
    }

    /// Fetches pictures the last frame had none for, each once.
    pub(crate) fn fetch_pictures(&self, missing: &[AvatarKey]) {
        for key in missing {
            if !lock(&self.pictures).insert(key.clone()) {
                continue;
            }
            let (avatars, messages) = (self.avatars.clone(), self.messages.clone());
            let (pictures, turns) = (Arc::clone(&self.pictures), Arc::clone(&self.picture_turns));
            let key = key.clone();
            tokio::spawn(async move {
                let Ok(turn) = turns.acquire().await else { return };
                let loaded = avatars.load(key.clone()).await;
                drop(turn);
                match &loaded {
                    Ok(()) => {}
                    Err(Failure::Busy { retry_after, .. }) => tokio::time::sleep(*retry_after).await,
                    Err(_) => tokio::time::sleep(PICTURE_PAUSE).await,
                }
                lock(&pictures).remove(&key);
                // The next frame shows it, or asks again for what the server was too busy for.
                if matches!(loaded, Ok(()) | Err(Failure::Busy { .. })) {
                    let _ = messages.send(Msg::Picture);
                }
            });
        }
    }

    /// Waits until every draft is where it belongs.
    pub(crate) async fn finish(self) {
        drop(self.drafts);
        let _ = tokio::time::timeout(SHUTDOWN_LIMIT, self.draft_keeper).await;
    }
}

fn lock(pictures: &Mutex<HashSet<AvatarKey>>) -> std::sync::MutexGuard<'_, HashSet<AvatarKey>> {
    pictures.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One draft after the other, so that the last word is the one that stays.
async fn keep_drafts(
    drafts: Option<Drafts>,
    mut jobs: mpsc::UnboundedReceiver<Cmd>,
    messages: mpsc::UnboundedSender<Msg>,
) {
    while let Some(job) = jobs.recv().await {
        let Some(drafts) = drafts.clone() else { continue };
        let answer = tokio::task::spawn_blocking(move || keep_draft(&drafts, job)).await;
        if let Ok(Some(msg)) = answer {
            let _ = messages.send(msg);
        }
    }
}

fn keep_draft(drafts: &Drafts, job: Cmd) -> Option<Msg> {
    let done = match job {
        Cmd::FindDraft(id) => return Some(Msg::Draft { id, draft: drafts.load(id) }),
        Cmd::SaveDraft { id, draft } => drafts.save(id, &draft),
        Cmd::DropDraft(id) => drafts.delete(id),
        _ => return None,
    };
    done.err().map(|why| {
        tracing::warn!(error = %why, "Draft not saved");
        Msg::Error(Clean::line(&texts::compose::draft_not_saved(&why, &log::hint())))
    })
}

async fn perform(api: &Api, call: Request) -> Result<Outcome, Failure> {
    Ok(match call {
        Request::Resume => Outcome::Resumed(api.resume().await?),
        Request::SignUp { username, email, password } => {
            Outcome::User(api.sign_up(&username, &email, password.expose_secret()).await?)
        }
        Request::LogIn { email, password } => {
            Outcome::User(api.login(&email, password.expose_secret()).await?)
        }
        Request::LogOut => done(api.logout().await?),
        Request::NameFree(name) => Outcome::NameFree(api.name_free(&name).await?),
        Request::Questions { cursor } => Outcome::Questions(api.questions(cursor.as_deref()).await?),
        Request::Question(id) => Outcome::Question(api.question(id).await?),
        Request::Answers { question, cursor } => {
            Outcome::Answers(api.answers(question, cursor.as_deref()).await?)
        }
        Request::Answer(id) => Outcome::Answer(api.answer_versioned(id).await?),
        Request::Ask { text, key } => Outcome::Question(api.ask(text, &key).await?),
        Request::Reply { question, text, key } => Outcome::Answer(api.answer(question, text, &key).await?),
        Request::EditQuestion { id, text, etag } => {
            Outcome::Question(api.edit_question(id, text, etag.as_deref()).await?)
        }
        Request::EditAnswer { id, text, etag } => {
            Outcome::Answer(api.edit_answer(id, text, etag.as_deref()).await?)
        }
        Request::Mark { id, answered } => Outcome::Question(api.set_answered(id, answered).await?),
        Request::DeleteQuestion(id) => done(api.delete_question(id).await?),
        Request::DeleteAnswer { id, .. } => done(api.delete_answer(id).await?),
        Request::NewAvatar => {
            api.new_avatar().await?;
            Outcome::User(api.me().await?)
        }
    })
}

fn done((): ()) -> Outcome {
    Outcome::Done
}
