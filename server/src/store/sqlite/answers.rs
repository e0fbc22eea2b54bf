//! Answers, in SQLite.

use async_trait::async_trait;
use ro_co_shared::{AnswerId, QuestionId, Timestamp, UserId};
use rusqlite::{Connection, Row, params};

use super::{
    Sqlite,
    fault::parent_missing,
    ownership::why_none,
    slice::{Bounds, Start},
    sql::statements,
};
use crate::store::{Answer, Answers, AuthorSummary, Created, Error, Principal, Result, Slice, StoredAnswer};

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT r.id, r.question, r.description, r.created_at, r.updated_at, r.version,
                a.id AS author, a.username, a.avatar_version
            FROM answers r CROSS JOIN accounts a ON a.id = r.author WHERE ",
            $rest
        )
    };
}

statements! {
    INSERT = "INSERT INTO answers (id, question, author, description, created_at, updated_at, fingerprint)
        VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?6) ON CONFLICT (id) DO NOTHING";
    BY_ID = select!("r.id = ?1");
    SAME_REQUEST = "SELECT 1 FROM answers WHERE id = ?1 AND author = ?2 AND fingerprint = ?3";
    AUTHOR = "SELECT author FROM answers WHERE id = ?1";
    LIST = select!(
        "r.question = ?5 AND (r.created_at, r.id) > (?1, ?2) ORDER BY r.created_at, r.id LIMIT ?3 OFFSET ?4"
    );
    COUNT = "SELECT answers FROM questions WHERE id = ?1";
    EDIT = "UPDATE answers SET description = ?4, updated_at = ?5, version = version + 1
        WHERE id = ?1 AND (author = ?2 OR ?3) AND (?6 IS NULL OR version = ?6)";
    DELETE = "DELETE FROM answers WHERE id = ?1 AND (author = ?2 OR ?3)";
}

#[async_trait]
impl Answers for Sqlite {
    async fn add_answer(&self, answer: &Answer) -> Result<Created<StoredAnswer>> {
        let answer = answer.clone();
        self.write(move |db| add(db, &answer)).await
    }

    async fn answer(&self, id: AnswerId) -> Result<StoredAnswer> {
        self.read(move |db| by_id(db, id)).await
    }

    async fn answers(&self, question: QuestionId, slice: Slice) -> Result<Vec<StoredAnswer>> {
        self.read(move |db| {
            let Bounds { time, id, size, skip } = Bounds::of(slice, Start::Oldest);
            let page = LIST.all(db, params![time, id, size, skip, question.0.as_bytes()], stored)?;
            // Only an empty page leaves open whether there is such a question.
            if page.is_empty() { count(db, question).map(|_| page) } else { Ok(page) }
        })
        .await
    }

    async fn count_answers(&self, question: QuestionId) -> Result<u64> {
        self.read(move |db| count(db, question)).await
    }

    async fn edit_answer(
        &self,
        id: AnswerId,
        principal: Principal,
        description: &str,
        version: Option<i64>,
        now: Timestamp,
    ) -> Result<StoredAnswer> {
        let description = description.to_owned();
        self.write(move |db| {
            let values = params![
                id.0.as_bytes(),
                principal.user.0.as_bytes(),
                principal.edits_any(),
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

    async fn delete_answer(&self, id: AnswerId, principal: Principal) -> Result<()> {
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

fn add(db: &Connection, answer: &Answer) -> Result<Created<StoredAnswer>> {
    let (id, author) = (answer.id.0.as_bytes(), answer.author.0.as_bytes());
    let values = params![
        id,
        answer.question.0.as_bytes(),
        author,
        answer.description,
        answer.created_at.0,
        answer.fingerprint
    ];
    let created = INSERT.run(db, values).map_err(parent_missing)? == 1;
    if !created && SAME_REQUEST.one(db, params![id, author, answer.fingerprint], |_| Ok(()))?.is_none() {
        return Err(Error::Conflict("Idempotency-Key"));
    }
    Ok(Created { row: by_id(db, answer.id)?, created })
}

fn by_id(db: &Connection, id: AnswerId) -> Result<StoredAnswer> {
    BY_ID.one(db, [id.0.as_bytes()], stored)?.ok_or(Error::NotFound)
}

fn count(db: &Connection, question: QuestionId) -> Result<u64> {
    let count = COUNT.one(db, [question.0.as_bytes()], |row| row.get::<_, i64>(0))?;
    count.map(i64::unsigned_abs).ok_or(Error::NotFound)
}

fn stored(row: &Row<'_>) -> rusqlite::Result<StoredAnswer> {
    Ok(StoredAnswer {
        id: AnswerId(row.get(0).map(uuid::Uuid::from_bytes)?),
        question: QuestionId(row.get(1).map(uuid::Uuid::from_bytes)?),
        description: row.get(2)?,
        created_at: Timestamp(row.get(3)?),
        updated_at: Timestamp(row.get(4)?),
        version: row.get(5)?,
        author: AuthorSummary {
            id: UserId(row.get(6).map(uuid::Uuid::from_bytes)?),
            username: row.get(7)?,
            avatar_version: row.get(8)?,
        },
    })
}
