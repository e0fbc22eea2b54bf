//! Answers, in SQLite.

use async_trait::async_trait;
use ro_co_shared::{AnswerId, AnswerText, Body, QuestionId, Timestamp, UserId};
use rusqlite::{Connection, Row, params};

use super::{
    Sqlite,
    ownership::{Creation, OwnedRows, in_order, owned},
    slice::{Bounds, page},
    sql::statements,
};
use crate::store::{
    Answer, AnswerFilter, Answers, AuthorSummary, Created, Edit, Error, ListQuery, Order, Principal, Result,
    StoredAnswer,
};

/// Its columns in the order of [`stored`].
macro_rules! select {
    ($($rest:expr),+) => {
        concat!(
            "SELECT r.id, r.question, r.description, r.created_at, r.updated_at, r.version,
                a.id, a.username, a.avatar_version
            FROM answers r CROSS JOIN accounts a ON a.id = r.author WHERE a.deleting IS NOT 'erase' AND ",
            $($rest),+
        )
    };
}

fn stored(row: &Row<'_>) -> rusqlite::Result<StoredAnswer> {
    Ok(StoredAnswer {
        id: AnswerId(row.get(0).map(uuid::Uuid::from_bytes)?),
        question: QuestionId(row.get(1).map(uuid::Uuid::from_bytes)?),
        text: AnswerText { description: Body::unchecked(row.get::<_, String>(2)?) },
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

statements! {
    INSERT = "INSERT INTO answers (id, author, created_at, updated_at, fingerprint, question, description)
        VALUES (?1, ?2, ?3, ?3, ?4, ?5, ?6) ON CONFLICT (id) DO NOTHING";
    EDIT = concat!(
        "UPDATE answers SET updated_at = ?5, description = ?6, version = version + 1",
        owned!(), " AND (?4 IS NULL OR version = ?4)"
    );
    DELETE = concat!("DELETE FROM answers", owned!());
    BY_ID = select!("r.id = ?1");
    SAME_REQUEST = "SELECT 1 FROM answers WHERE id = ?1 AND author = ?2 AND fingerprint = ?3";
    AUTHOR = "SELECT author FROM answers WHERE id = ?1";
    NEWEST = select!("r.question = ?5 AND ", page!(newest "r"));
    OLDEST = select!("r.question = ?5 AND ", page!(oldest "r"));
    LATEST = "SELECT max(created_at) FROM answers WHERE question = ?1";
    COUNT = "SELECT answers FROM questions WHERE id = ?1";
}

const ROWS: OwnedRows<StoredAnswer> =
    OwnedRows { by_id: BY_ID, read: stored, author: AUTHOR, same_request: SAME_REQUEST, delete: DELETE };

#[async_trait]
impl Answers for Sqlite {
    async fn add_answer(&self, answer: &Answer) -> Result<Created<StoredAnswer>> {
        let answer = answer.clone();
        self.write(move |db| add(db, &answer)).await
    }

    async fn answer(&self, id: AnswerId) -> Result<StoredAnswer> {
        self.read(move |db| ROWS.get(db, id.0)).await
    }

    async fn answers(&self, query: ListQuery<AnswerFilter>) -> Result<Vec<StoredAnswer>> {
        self.read(move |db| {
            let ListQuery { filter: AnswerFilter { question }, order, slice } = query;
            let Bounds { time, id, size, skip } = Bounds::of(slice, order);
            let sql = match order {
                Order::Newest => NEWEST,
                Order::Oldest => OLDEST,
            };
            let page = sql.all(db, params![time, id, size, skip, question.0.as_bytes()], stored)?;
            // Only an empty page leaves open whether there is such a question.
            if page.is_empty() { count(db, question).map(|_| page) } else { Ok(page) }
        })
        .await
    }

    async fn count_answers(&self, question: QuestionId) -> Result<u64> {
        self.read(move |db| count(db, question)).await
    }

    async fn edit_answer(&self, id: AnswerId, edit: &Edit<AnswerText>) -> Result<StoredAnswer> {
        let edit = edit.clone();
        self.write(move |db| {
            let Edit { text, principal, version, at } = edit;
            let values = params![
                id.0.as_bytes(),
                principal.user.0.as_bytes(),
                principal.edits_any(),
                version,
                at.0,
                text.description.as_str(),
            ];
            ROWS.update(db, id.0, principal, EDIT, values)
        })
        .await
    }

    async fn delete_answer(&self, id: AnswerId, principal: Principal) -> Result<()> {
        self.write(move |db| ROWS.delete(db, id.0, principal)).await
    }
}

fn add(db: &Connection, answer: &Answer) -> Result<Created<StoredAnswer>> {
    let Answer { id, question, author, text, created_at, fingerprint } = answer;
    let latest = || LATEST.one(db, [question.0.as_bytes()], |row| row.get(0));
    let values = params![
        id.0.as_bytes(),
        author.0.as_bytes(),
        in_order(*created_at, latest)?,
        fingerprint,
        question.0.as_bytes(),
        text.description.as_str(),
    ];
    ROWS.insert(db, &Creation { id: id.0, author: author.0, fingerprint }, INSERT, values)
}

fn count(db: &Connection, question: QuestionId) -> Result<u64> {
    let count = COUNT.one(db, [question.0.as_bytes()], |row| row.get::<_, i64>(0))?;
    count.map(i64::unsigned_abs).ok_or(Error::NotFound)
}
