//! What the client says, screen by screen. Labels of actions stand in each screen's list of actions.

/// The bars around every screen.
pub(crate) mod chrome {
    pub(crate) const ONLINE: &str = "online";
    pub(crate) const OFFLINE: &str = "offline";
    pub(crate) const CONNECTING: &str = "connecting";
    pub(crate) const NOT_CONNECTED: &str = "not connected";
    pub(crate) const CONNECTED_AGAIN: &str = "Connected again.";
    pub(crate) const TRY_AGAIN_NOW: &str = "You can try again now.";

    pub(crate) fn too_small(columns: u16, rows: u16) -> String {
        format!("Terminal too small (minimum {columns}x{rows})")
    }

    pub(crate) fn try_again_in(seconds: u128) -> String {
        format!("try again in {seconds} s · ")
    }

    pub(crate) fn next_try_in(seconds: u128) -> String {
        format!("next try in {seconds} s · ")
    }
}

/// The start screen.
pub(crate) mod start {
    pub(crate) const TITLE: &str = "Welcome";

    pub(crate) fn connecting_to(server: &str) -> String {
        format!("Connecting to {server} …")
    }
}

/// Signing in, and signing in again.
pub(crate) mod sign_in {
    pub(crate) const TITLE: &str = "Sign in";
    pub(crate) const WELCOME: &str = "Questions and answers among students. Sign in, or create an account.";
    pub(crate) const EMAIL: &str = "Email";
    pub(crate) const EMAIL_HINT: &str = "name@example.org";
    pub(crate) const PASSWORD: &str = "Password";
    pub(crate) const SIGN_IN: &str = "Sign in";
    pub(crate) const CREATE_ACCOUNT: &str = "Create an account";
    pub(crate) const NOT_NOW: &str = "Not now";
    pub(crate) const MISSING: &str = "is missing";
    pub(crate) const SESSION_ENDED: &str = "Session ended";
    pub(crate) const SIGNED_IN_AGAIN: &str = "Signed in again.";
    pub(crate) const SIGNED_OUT: &str = "You are signed out.";

    pub(crate) fn again_as(name: &str) -> String {
        format!("Sign in again as {name}. Nothing you have typed is lost.")
    }
}

/// The sign-up form.
pub(crate) mod sign_up {
    pub(crate) const TITLE: &str = "New account";
    pub(crate) const SENDS_USERNAMES: &str =
        "This server may send your name to the picture service DiceBear, which draws your avatar.";
    pub(crate) const NAME: &str = "Name";
    pub(crate) const NAME_HINT: &str = "as others will see it";
    pub(crate) const EMAIL_HINT: &str = "name@example.org, shown to nobody";
    pub(crate) const PASSWORD_HINT: &str = "10 characters or more";
    pub(crate) const CREATE_ACCOUNT: &str = "Create account";
    pub(crate) const SIGN_IN_INSTEAD: &str = "Sign in instead";
    pub(crate) const NAME_FREE: &str = "✔ free";
    pub(crate) const NAME_TAKEN: &str = "✘ taken";
    pub(crate) const NAME_PENDING: &str = "…";
    pub(crate) const NAME_CHECKING: &str = "… checking";
    pub(crate) const NAME_UNKNOWN: &str = "? cannot be checked now";
    pub(crate) const WELCOME: &str = "Welcome to Ro-Co.";
    pub(crate) const CREATED: &str = "Account created. Sign in now.";
    pub(crate) const LONGER_PASSWORD: &str = "Add another word or two.";

    pub(crate) fn please_correct(labels: &[&str]) -> String {
        format!("Please correct: {}.", labels.join(", "))
    }
}

/// The list of questions.
pub(crate) mod list {
    pub(crate) const TITLE: &str = "Questions";
    pub(crate) const EMPTY: &str = "No questions yet.\n\nPress a to ask the first one.";
    pub(crate) const LOADING: &str = "Loading the questions …";
    pub(crate) const NOT_YOURS: &str = "Only its author can change this question.";

    pub(crate) fn answers(count: i32) -> String {
        match count {
            0 => "no answers".to_owned(),
            1 => "1 answer".to_owned(),
            n => format!("{n} answers"),
        }
    }

    pub(crate) fn failed(why: &str) -> String {
        format!("{why}\n\nR tries again.")
    }
}

/// A question with its answers.
pub(crate) mod detail {
    pub(crate) const DELETED: &str = "This question has been deleted.";
    pub(crate) const LOADING: &str = "Loading the answers …";
    pub(crate) const LOADING_MORE: &str = "Loading more answers …";
    pub(crate) const NO_ANSWERS: &str = "No answers yet. Press r to write one.";
    pub(crate) const NOT_YOURS_TO_CHANGE: &str = "Only its author can change this.";
    pub(crate) const NOT_YOURS_TO_DELETE: &str = "Only its author can delete this.";
}

/// Writing and editing.
pub(crate) mod compose {
    pub(crate) const TITLE: &str = "Title";
    pub(crate) const TITLE_HINT: &str = "the question, in one line";
    pub(crate) const BODY: &str = "Text";
    pub(crate) const BODY_HINT: &str = "the rest of it; Markdown is welcome";
    pub(crate) const ANSWER_HINT: &str = "Markdown is welcome";
    pub(crate) const LOADING: &str = "Loading the text …";
    pub(crate) const SENDING: &str = "Sending …";
    pub(crate) const QUESTION_POSTED: &str = "Question posted.";
    pub(crate) const ANSWER_POSTED: &str = "Answer posted.";
    pub(crate) const SAVED: &str = "Saved.";
    pub(crate) const QUESTION_DELETED: &str = "The question was deleted. Your text is kept as a draft.";
    pub(crate) const DELETED: &str = "This was deleted.";
    pub(crate) const DELETED_WITH_CHANGE: &str =
        "This was deleted, and your change is discarded when you leave. Ctrl-E opens it in your editor.";
    pub(crate) const CANCELED: &str =
        "Canceled. It may have arrived; sending it again will not post it twice.";
    pub(crate) const DRAFT_RESTORED: &str = "Draft restored. Ctrl-X discards it.";
    pub(crate) const KEY_REUSED: &str = "An earlier version of this text has been posted already. Go back and edit \
                                         that one, or send again to post this one too.";

    pub(crate) fn draft_not_saved(why: &std::io::Error, log: &str) -> String {
        format!("Draft not saved: {why}{log}")
    }
}

/// Dialogs over a screen.
pub(crate) mod dialog {
    pub(crate) const CONFIRM: &str = "Confirm";
    pub(crate) const DELETE: &str = "delete";
    pub(crate) const DISCARD: &str = "discard";
    pub(crate) const KEEP: &str = "keep it";
    pub(crate) const DELETING: &str = "Deleting …";
    pub(crate) const DELETED: &str = "Deleted.";
    pub(crate) const CONFLICT: &str = "Edit conflict: changed by someone else";
    pub(crate) const AUTHOR: &str = "Author";

    pub(crate) fn delete_question(title: &str, answers: i32) -> String {
        let answers = match answers {
            0 => String::new(),
            1 => " and its answer".into(),
            n => format!(" and its {n} answers"),
        };
        format!("Delete the question “{title}”{answers}? This cannot be undone.")
    }

    pub(crate) fn delete_answer(start: &str, author: &str) -> String {
        format!("Delete the answer “{start}” by {author}? This cannot be undone.")
    }

    pub(crate) fn discard(what: &str) -> String {
        format!("Discard this text ({}) and its draft?", what.to_lowercase())
    }
}

/// The user's own page.
pub(crate) mod profile {
    pub(crate) const TITLE: &str = "Me";
    pub(crate) const ADMIN: &str = "admin";
    pub(crate) const SIGNED_OUT: &str = "Signed out.";
    pub(crate) const NEW_AVATAR: &str = "Avatar changed.";

    pub(crate) fn signed_out_here(why: &str) -> String {
        format!("Signed out on this machine, but the server could not be reached: {why}")
    }

    pub(crate) fn joined(date: &str) -> String {
        format!("joined {date}")
    }

    pub(crate) fn log(dir: &str) -> String {
        format!("log {dir} (ro-co logs prints it)")
    }

    pub(crate) fn id(id: &ro_co_shared::UserId) -> String {
        format!("id {id}")
    }
}
