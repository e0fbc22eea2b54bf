//! The store that is filled, or, in a dry run, only asked.

use std::sync::Arc;

use ro_co_shared::{Timestamp, UserId};
use tempfile::TempDir;

use super::Error;
use crate::permissions::Permissions;
use crate::store::{
    self, Account, Accounts, Answer, AvatarImage,
    Error::{Conflict, NotFound},
    Principal, Question, Store,
    sqlite::Sqlite,
};

/// Where rows go.
pub(super) struct Target {
    store: Arc<dyn Store>,
    /// In a dry run the accounts go here, so that two of them clash as they would.
    rehearsal: Option<(Sqlite, TempDir)>,
}

impl Target {
    /// This store, to be written to or not.
    pub(super) fn new(store: Arc<dyn Store>, dry_run: bool) -> Result<Self, Error> {
        let scratch = || -> Result<_, Error> {
            let dir = tempfile::Builder::new().prefix("ro-co-dry-run-").tempdir().map_err(Error::Scratch)?;
            let accounts = Sqlite::open(dir.path()).map_err(|e| Error::Scratch(std::io::Error::other(e)))?;
            Ok((accounts, dir))
        };
        Ok(Self { store, rehearsal: dry_run.then(scratch).transpose()? })
    }

    /// Keeps an account unless it is here; whether it is new.
    pub(super) async fn add_account(&self, account: &Account) -> store::Result<bool> {
        match (self.store.account(account.id).await, &self.rehearsal) {
            (Ok(_), _) => return Ok(false),
            (Err(NotFound), None) => self.store.add_account(account).await?,
            (Err(NotFound), Some((scratch, _))) => {
                if !self.store.username_free(&account.username).await? {
                    return Err(Conflict("username"));
                }
                if !self.store.email_free(&account.email).await? {
                    return Err(Conflict("email"));
                }
                scratch.add_account(account).await?;
            }
            (Err(error), _) => return Err(error),
        }
        Ok(true)
    }

    /// Keeps a picture of an imported account, unless it has got one since.
    pub(super) async fn add_picture(
        &self,
        user: UserId,
        version: i64,
        svg: String,
        now: Timestamp,
    ) -> store::Result<()> {
        if self.rehearsal.is_none() && self.store.avatar(user, version).await?.is_none() {
            self.store.keep_avatar(user, version, &AvatarImage { svg, created_at: now }).await?;
        }
        Ok(())
    }

    /// Keeps a question and its mark unless it is here; whether it is new.
    pub(super) async fn add_question(&self, question: &Question, answered: bool) -> store::Result<bool> {
        if self.rehearsal.is_some() {
            return is_new(self.store.question(question.id).await);
        }
        let asked = match self.store.add_question(question).await {
            // It was handed to the deleted user meanwhile.
            Err(Conflict(_)) => return Ok(false),
            asked => asked?,
        };
        // Nobody has touched it: an import that broke off between the two is made good.
        if answered && !asked.row.answered && asked.row.version == FIRST_VERSION {
            let by = Principal { user: question.author, permissions: Permissions::EDIT_ANY_CONTENT };
            self.store.set_answered(question.id, by, true).await?;
        }
        Ok(asked.created)
    }

    /// Keeps an answer unless it is here; whether it is new.
    pub(super) async fn add_answer(&self, answer: &Answer) -> store::Result<bool> {
        if self.rehearsal.is_some() {
            return is_new(self.store.answer(answer.id).await);
        }
        match self.store.add_answer(answer).await {
            Err(Conflict(_)) => Ok(false),
            asked => asked.map(|asked| asked.created),
        }
    }

    /// Lets go of what was only rehearsed.
    pub(super) async fn close(&self) {
        if let Some((scratch, _)) = &self.rehearsal {
            scratch.close().await;
        }
    }
}

/// The version of a question that was never changed.
const FIRST_VERSION: i64 = 1;

fn is_new<T>(found: store::Result<T>) -> store::Result<bool> {
    match found {
        Ok(_) => Ok(false),
        Err(NotFound) => Ok(true),
        Err(error) => Err(error),
    }
}
