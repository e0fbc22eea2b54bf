//! Deleting an account: a mark, then its content in batches with other writes in between, then the account.
//!
//! The mark decides: from then on the account is gone to everybody, its name and email address are free, and content that is
//! to be erased is not shown. [`Sqlite::finish_deletions`] goes on where a crash left off.

use ro_co_shared::{Content, UserId};
use rusqlite::{Connection, params};

use super::{Sqlite, accounts::keep_last_admin, id, sql::statements};
use crate::store::{Error, Result};

/// How many rows one write deletes or changes at most.
const BATCH: u32 = 200;

statements! {
    /// Keys that no name and no email address can have: both begin with a control character.
    MARK = "UPDATE accounts SET deleting = ?2, username = 'deleted user', username_key = char(1) || hex(id),
            email_key = char(1) || hex(id), username_skeleton = NULL, email_canonical = NULL, password = '',
            password_expires_at = NULL, suspended = 1, avatar_version = 0
        WHERE id = ?1 AND deleting IS NULL";
    CONTENT = "SELECT deleting FROM accounts WHERE id = ?1 AND deleting IS NOT NULL";
    MARKED = "SELECT id FROM accounts WHERE deleting IS NOT NULL LIMIT 1";
    END_SESSIONS = "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE user = ?1 LIMIT ?2)";
    KEEP_QUESTIONS = "UPDATE questions SET author = ?2 WHERE id IN (SELECT id FROM questions WHERE author = ?1 LIMIT ?3)";
    KEEP_ANSWERS = "UPDATE answers SET author = ?2 WHERE id IN (SELECT id FROM answers WHERE author = ?1 LIMIT ?3)";
    ERASE_ANSWERS = "DELETE FROM answers WHERE id IN (SELECT id FROM answers WHERE author = ?1 LIMIT ?2)";
    QUESTION = "SELECT id FROM questions WHERE author = ?1 LIMIT 1";
    ERASE_REPLIES = "DELETE FROM answers WHERE id IN (SELECT id FROM answers WHERE question = ?1 LIMIT ?2)";
    ERASE_QUESTION = "DELETE FROM questions WHERE id = ?1";
    /// Its picture goes with it, by its reference.
    DELETE = "DELETE FROM accounts WHERE id = ?1";
}

impl Sqlite {
    /// Deletes an account that is there.
    pub(super) async fn delete(&self, user: UserId, content: Content) -> Result<()> {
        let marked = self.write(move |db| {
            keep_last_admin(db, user)?;
            let content = if content == Content::Erase { "erase" } else { "keep" };
            if MARK.run(db, params![user.0.as_bytes(), content])? == 0 {
                return Err(Error::NotFound);
            }
            delete_batch(db, user)
        });
        if marked.await? == Progress::Finished { Ok(()) } else { self.finish_deletion(user).await }
    }

    async fn finish_deletion(&self, user: UserId) -> Result<()> {
        while self.write(move |db| delete_batch(db, user)).await? == Progress::Unfinished {}
        Ok(())
    }

    /// Finishes the deletions that were marked and not finished; returns how many there were.
    pub(super) async fn finish_deletions(&self) -> Result<u64> {
        let mut finished = 0;
        while let Some(user) =
            self.read(|db| Ok(MARKED.one(db, [], |row| id(row, "id").map(UserId))?)).await?
        {
            self.finish_deletion(user).await?;
            finished += 1;
        }
        Ok(finished)
    }
}

/// What a batch came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Progress {
    /// The account is deleted.
    Finished,
    /// There is more.
    Unfinished,
}

/// Deletes some of what belongs to a marked account, and the account itself when nothing does any more.
fn delete_batch(db: &Connection, user: UserId) -> Result<Progress> {
    let key = user.0.as_bytes();
    let Some(content) = CONTENT.one(db, [key], |row| row.get::<_, String>(0))? else {
        return Ok(Progress::Finished);
    };
    let mut left = BATCH;
    left -= rows(END_SESSIONS.run(db, params![key, left])?);
    if content == "erase" {
        left -= rows(ERASE_ANSWERS.run(db, params![key, left])?);
        left = erase_questions(db, user, left)?;
    } else {
        let heir = UserId::DELETED.0.as_bytes();
        left -= rows(KEEP_QUESTIONS.run(db, params![key, heir, left])?);
        left -= rows(KEEP_ANSWERS.run(db, params![key, heir, left])?);
    }
    if left == 0 {
        return Ok(Progress::Unfinished);
    }
    DELETE.run(db, [key])?;
    Ok(Progress::Finished)
}

/// Erases questions with the answers to them; returns how many rows of the batch are left.
fn erase_questions(db: &Connection, user: UserId, mut left: u32) -> Result<u32> {
    while left > 0
        && let Some(question) = QUESTION.one(db, [user.0.as_bytes()], |row| id(row, "id"))?
    {
        left -= rows(ERASE_REPLIES.run(db, params![question.as_bytes(), left])?);
        if left > 0 {
            left -= rows(ERASE_QUESTION.run(db, [question.as_bytes()])?);
        }
    }
    Ok(left)
}

/// How many rows a statement took from the batch; its `LIMIT` is what is left of that.
fn rows(changed: usize) -> u32 {
    u32::try_from(changed).unwrap_or(BATCH)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::store::{
        Accounts, Answers, PasswordUpdate, Questions, Store,
        make::{account, asked, newest, user},
    };

    const OTHERS: u32 = 3 * BATCH;

    /// Somebody with more content than one batch takes, and a question of somebody else's that they answered.
    async fn prolific(store: &Arc<Sqlite>) -> (UserId, UserId) {
        let (ada, bob) = (user(&**store, "ada").await, user(&**store, "bob").await);
        asked(&**store, bob, "his", 0).await;
        let sql = format!(
            "WITH RECURSIVE n (i) AS (VALUES (0) UNION ALL SELECT i + 1 FROM n WHERE i < {OTHERS})
            INSERT INTO questions SELECT randomblob(16), x'{ada}', 'hers', NULL, i, i, 0, 0, 1, x'07' FROM n;
            INSERT INTO answers SELECT randomblob(16), (SELECT id FROM questions WHERE title = 'hers' LIMIT 1), x'{bob}', 'a', 1, 1, 1, x'07'
                FROM questions;
            INSERT INTO answers SELECT randomblob(16), (SELECT id FROM questions WHERE title = 'his'), x'{ada}', 'a', 1, 1, 1, x'07'
                FROM questions;",
            ada = ada.0.simple(),
            bob = bob.0.simple(),
        );
        store.write(move |db| Ok(db.execute_batch(&sql)?)).await.unwrap();
        (ada, bob)
    }

    fn store() -> (tempfile::TempDir, Arc<Sqlite>) {
        let dir = tempfile::tempdir().unwrap();
        let store = Arc::new(Sqlite::open(dir.path()).unwrap());
        (dir, store)
    }

    async fn count(store: &Sqlite, sql: &'static str) -> i64 {
        store.write(move |db| Ok(db.query_row(sql, [], |row| row.get(0))?)).await.unwrap()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn other_writes_go_on_while_an_account_is_deleted() {
        for content in [Content::Keep, Content::Erase] {
            let (_dir, store) = store();
            let (ada, bob) = prolific(&store).await;
            let before = store.commits();
            let deletion = tokio::spawn({
                let store = Arc::clone(&store);
                async move { store.delete_account(ada, content).await }
            });
            let mut between = 0;
            while !deletion.is_finished() {
                asked(&*store, bob, "in between", between).await;
                between += 1;
            }
            deletion.await.unwrap().unwrap();
            let rows_deleted = if content == Content::Keep { 2 * OTHERS } else { 3 * OTHERS };
            assert!(store.commits() - before > u64::from(rows_deleted / BATCH), "too much in one write");
            assert_eq!(count(&store, "SELECT count(*) FROM accounts WHERE deleting IS NOT NULL").await, 0);
            store.close().await;
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_is_marked_is_gone_and_a_sweep_finishes_it() {
        let (dir, store) = store();
        let (ada, bob) = prolific(&store).await;
        // As after a crash behind the first batch.
        let first_batch = store.write(move |db| {
            MARK.run(db, params![ada.0.as_bytes(), "erase"])?;
            delete_batch(db, ada)
        });
        assert_eq!(first_batch.await.unwrap(), Progress::Unfinished);
        store.close().await;

        let store = Arc::new(Sqlite::open(dir.path()).unwrap());
        assert!(matches!(store.account(ada).await, Err(Error::NotFound)));
        assert!(matches!(
            store.set_password(ada, PasswordUpdate { old: "", new: "x", expires_at: None }).await,
            Err(Error::NotFound)
        ));
        assert!(matches!(store.delete_account(ada, Content::Keep).await, Err(Error::NotFound)));
        let shown = store.questions(newest(100)).await.unwrap();
        assert_eq!(shown.iter().map(|question| question.author.id).collect::<Vec<_>>(), [bob]);
        store.add_account(&account("ada")).await.unwrap();

        assert_eq!(store.sweep().await.unwrap(), 1);
        assert_eq!(store.sweep().await.unwrap(), 0);
        assert_eq!(count(&store, "SELECT count(*) FROM questions").await, 1);
        assert_eq!(count(&store, "SELECT count(*) FROM answers").await, 0);
        assert_eq!(store.count_answers(shown[0].id).await.unwrap(), 0);
        store.close().await;
    }
}
