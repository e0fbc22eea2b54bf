//! Commands of the model, executed by the runtime and the event loop.

use secrecy::SecretString;

use ro_co_shared::{AnswerId, AnswerText, QuestionId, QuestionText};

use super::ReqId;
use crate::drafts::{Draft, DraftId};

/// Something to be done outside the model.
#[derive(Debug)]
pub(crate) enum Cmd {
    /// A request to the server.
    Request {
        /// Under which its answer comes back.
        req: ReqId,
        /// A newer request in the same slot ends this one.
        slot: Option<Slot>,
        /// The request.
        call: Request,
    },
    /// Ends a request; its answer, should it come, is dropped.
    Abort(ReqId),
    /// Looks for a draft.
    FindDraft(DraftId),
    /// Keeps a draft.
    SaveDraft {
        /// Whose and of what.
        id: DraftId,
        /// What to keep.
        draft: Draft,
    },
    /// Forgets a draft.
    DropDraft(DraftId),
    /// Hands the terminal and this text to the user's editor.
    Edit(String),
    /// Stops the program until the shell continues it.
    Suspend,
    /// Redraws the whole screen.
    Redraw,
    /// Ends the program.
    Quit,
}

/// Requests of which only the latest counts.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Slot {
    /// Whether a name is free.
    Name,
    /// The first page of the list.
    List,
    /// The question of the page.
    Question,
    /// Its answers.
    Answers,
}

/// A request to the server.
#[derive(Clone, Debug)]
pub(crate) enum Request {
    /// Signs in with what was kept from last time.
    Resume,
    /// Makes an account.
    SignUp { username: String, email: String, password: SecretString },
    /// Signs in.
    LogIn { email: String, password: SecretString },
    /// Ends the session.
    LogOut,
    /// Whether a name is free.
    NameFree(String),
    /// A page of questions, from the newest or from a cursor.
    Questions { cursor: Option<String> },
    /// One question.
    Question(QuestionId),
    /// A page of a question's answers.
    Answers { question: QuestionId, cursor: Option<String> },
    /// One answer.
    Answer(AnswerId),
    /// Asks.
    Ask { text: QuestionText, key: String },
    /// Answers.
    Reply { question: QuestionId, text: AnswerText, key: String },
    /// Replaces a question's text.
    EditQuestion { id: QuestionId, text: QuestionText, etag: Option<String> },
    /// Replaces an answer's text.
    EditAnswer { id: AnswerId, text: AnswerText, etag: Option<String> },
    /// Marks a question.
    Mark { id: QuestionId, answered: bool },
    /// Deletes a question and its answers.
    DeleteQuestion(QuestionId),
    /// Deletes an answer.
    DeleteAnswer { id: AnswerId, question: QuestionId },
    /// Asks for another picture.
    NewAvatar,
}

impl Request {
    /// Whether the user asked for it to be done, rather than the client to show something.
    pub(crate) fn is_the_users(&self) -> bool {
        !matches!(
            self,
            Self::Resume
                | Self::NameFree(_)
                | Self::Questions { .. }
                | Self::Question(_)
                | Self::Answers { .. }
                | Self::Answer(_)
        )
    }

    /// Whether it can be sent again for the same user after they have signed in again. Requests that are
    /// about signing in cannot: they carry their own proof.
    pub(crate) fn needs_session(&self) -> bool {
        !matches!(
            self,
            Self::Resume | Self::SignUp { .. } | Self::LogIn { .. } | Self::LogOut | Self::NameFree(_)
        )
    }
}
