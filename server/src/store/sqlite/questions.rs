//! Questions, in SQLite.

use async_trait::async_trait;
use ro_co_shared::{QuestionId, Timestamp, UserId};
use rusqlite::{Connection, Row, params};

use super::{
    Sqlite,
    fault::parent_missing,
    ownership::why_none,
    slice::{Bounds, Start},
    sql::statements,
};
use crate::store::{
    AuthorSummary, Created, Error, Filter, Principal, Question, Questions, Result, Slice, StoredQuestion,
};

/// The author by primary key, after the question: `CROSS JOIN` fixes the order, so that no statistics can turn it round.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT q.id, q.title, q.description, q.created_at, q.updated_at, q.answered, q.answers, q.version,
                a.id AS author, a.username, a.avatar_version
            FROM questions q CROSS JOIN accounts a ON a.id = q.author WHERE ",
            $rest
        )
    };
}

/// One page of a list: `?1` and `?2` are the key to come after, `?3` how many rows, `?4` how many to skip.
macro_rules! list {
    ($filter:literal) => {
        concat!(
            select!($filter),
            " (q.created_at, q.id) < (?1, ?2) ORDER BY q.created_at DESC, q.id DESC LIMIT ?3 OFFSET ?4"
        )
    };
}

statements! {
    INSERT = "INSERT INTO questions (id, author, title, description, created_at, updated_at, fingerprint)
        VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?6) ON CONFLICT (id) DO NOTHING";
    BY_ID = select!("q.id = ?1");
    SAME_REQUEST = "SELECT 1 FROM questions WHERE id = ?1 AND author = ?2 AND fingerprint = ?3";
    AUTHOR = "SELECT author FROM questions WHERE id = ?1";
    LIST_ALL = list!("");
    LIST_MARKED = list!("q.answered = ?5 AND");
    LIST_BY = list!("q.author = ?5 AND");
    LIST_BY_MARKED = list!("q.author = ?5 AND q.answered = ?6 AND");
    /// Reads the whole of an index; the trait says that it costs.
    COUNT_ALL = "SELECT count(*) FROM questions";
    COUNT_MARKED = "SELECT count(*) FROM questions WHERE answered = ?1";
    COUNT_BY = "SELECT count(*) FROM questions WHERE author = ?1";
    COUNT_BY_MARKED = "SELECT count(*) FROM questions WHERE author = ?1 AND answered = ?2";
    EDIT = "UPDATE questions SET title = ?4, description = ?5, updated_at = ?6, version = version + 1
        WHERE id = ?1 AND (author = ?2 OR ?3) AND (?7 IS NULL OR version = ?7)";
    /// A mark that is set already is no change.
    MARK = "UPDATE questions SET version = version + (answered <> ?4), answered = ?4 WHERE id = ?1 AND (author = ?2 OR ?3)";
    /// Its answers go with it, by their reference.
    DELETE = "DELETE FROM questions WHERE id = ?1 AND (author = ?2 OR ?3)";
}

#[async_trait]
impl Questions for Sqlite {
    async fn add_question(&self, question: &Question) -> Result<Created<StoredQuestion>> {
        let question = question.clone();
        self.write(move |db| add(db, &question)).await
    }

    async fn question(&self, id: QuestionId) -> Result<StoredQuestion> {
        self.read(move |db| by_id(db, id)).await
    }

    async fn questions(&self, filter: Filter, slice: Slice) -> Result<Vec<StoredQuestion>> {
        self.read(move |db| Ok(list(db, filter, slice)?)).await
    }

    async fn count_questions(&self, filter: Filter) -> Result<u64> {
        self.read_aside(move |db| Ok(count(db, filter)?)).await
    }

    async fn edit_question(
        &self,
        id: QuestionId,
        principal: Principal,
        title: &str,
        description: Option<&str>,
        version: Option<i64>,
        now: Timestamp,
    ) -> Result<StoredQuestion> {
        let (title, description) = (title.to_owned(), description.map(ToOwned::to_owned));
        self.write(move |db| {
            let values = params![
                id.0.as_bytes(),
                principal.user.0.as_bytes(),
                principal.edits_any(),
                title,
                description,
                now.0,
                version
            ];
            match EDIT.run(db, values)? {
                0 => Err(why_none(db, AUTHOR, id.0, principal)?),
                _ => by_id(db, id),
            }
        })
        .await
    }

    async fn set_answered(
        &self,
        id: QuestionId,
        principal: Principal,
        answered: bool,
    ) -> Result<StoredQuestion> {
        self.write(move |db| {
            match MARK.run(
                db,
                params![id.0.as_bytes(), principal.user.0.as_bytes(), principal.edits_any(), answered],
            )? {
                0 => Err(why_none(db, AUTHOR, id.0, principal)?),
                _ => by_id(db, id),
            }
        })
        .await
    }

    async fn delete_question(&self, id: QuestionId, principal: Principal) -> Result<()> {
        self.write(move |db| {
            match DELETE
                .run(db, params![id.0.as_bytes(), principal.user.0.as_bytes(), principal.edits_any()])?
            {
                0 => Err(why_none(db, AUTHOR, id.0, principal)?),
                _ => Ok(()),
            }
        })
        .await
    }
}

fn add(db: &Connection, question: &Question) -> Result<Created<StoredQuestion>> {
    let (id, author) = (question.id.0.as_bytes(), question.author.0.as_bytes());
    let values = params![
        id,
        author,
        question.title,
        question.description,
        question.created_at.0,
        question.fingerprint
    ];
    let created = INSERT.run(db, values).map_err(parent_missing)? == 1;
    if !created && SAME_REQUEST.one(db, params![id, author, question.fingerprint], |_| Ok(()))?.is_none() {
        return Err(Error::Conflict("Idempotency-Key"));
    }
    Ok(Created { row: by_id(db, question.id)?, created })
}

fn by_id(db: &Connection, id: QuestionId) -> Result<StoredQuestion> {
    BY_ID.one(db, [id.0.as_bytes()], stored)?.ok_or(Error::NotFound)
}

fn list(db: &Connection, filter: Filter, slice: Slice) -> rusqlite::Result<Vec<StoredQuestion>> {
    let Bounds { time, id, size, skip } = Bounds::of(slice, Start::Newest);
    let author = filter.author.as_ref().map(|author| author.0.as_bytes());
    match (author, filter.answered) {
        (None, None) => LIST_ALL.all(db, params![time, id, size, skip], stored),
        (None, Some(mark)) => LIST_MARKED.all(db, params![time, id, size, skip, mark], stored),
        (Some(author), None) => LIST_BY.all(db, params![time, id, size, skip, author], stored),
        (Some(author), Some(mark)) => {
            LIST_BY_MARKED.all(db, params![time, id, size, skip, author, mark], stored)
        }
    }
}

fn count(db: &Connection, filter: Filter) -> rusqlite::Result<u64> {
    let author = filter.author.as_ref().map(|author| author.0.as_bytes());
    let number = |row: &Row<'_>| row.get::<_, i64>(0);
    let count = match (author, filter.answered) {
        (None, None) => COUNT_ALL.one(db, [], number),
        (None, Some(mark)) => COUNT_MARKED.one(db, [mark], number),
        (Some(author), None) => COUNT_BY.one(db, [author], number),
        (Some(author), Some(mark)) => COUNT_BY_MARKED.one(db, params![author, mark], number),
    };
    Ok(count?.unwrap_or_default().unsigned_abs())
}

/// By position, not by name: this is read more than anything else.
fn stored(row: &Row<'_>) -> rusqlite::Result<StoredQuestion> {
    Ok(StoredQuestion {
        id: QuestionId(row.get(0).map(uuid::Uuid::from_bytes)?),
        title: row.get(1)?,
        description: row.get(2)?,
        created_at: Timestamp(row.get(3)?),
        updated_at: Timestamp(row.get(4)?),
        answered: row.get(5)?,
        answers: row.get(6)?,
        version: row.get(7)?,
        author: AuthorSummary {
            id: UserId(row.get(8).map(uuid::Uuid::from_bytes)?),
            username: row.get(9)?,
            avatar_version: row.get(10)?,
        },
    })
}
