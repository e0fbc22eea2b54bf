//! Questions, in SQLite.

use async_trait::async_trait;
use ro_co_shared::{Body, QuestionId, QuestionText, Timestamp, Title, UserId};
use rusqlite::{Connection, Row, params};

use super::{
    Sqlite,
    ownership::{Creation, OwnedRows, in_order, owned},
    slice::{Bounds, page},
    sql::statements,
};
use crate::store::{
    AuthorSummary, Created, Edit, ListQuery, Order, Principal, Question, QuestionFilter, Questions, Result,
    StoredQuestion,
};

/// Its columns in the order of [`stored`]. The author by primary key, after the question: `CROSS JOIN` fixes the order,
/// so that no statistics can turn it round.
macro_rules! select {
    ($($rest:expr),+) => {
        concat!(
            "SELECT q.id, q.title, q.description, q.created_at, q.updated_at, q.answered, q.answers, q.version,
                a.id, a.username, a.avatar_version
            FROM questions q CROSS JOIN accounts a ON a.id = q.author WHERE a.deleting IS NOT 'erase' AND ",
            $($rest),+
        )
    };
}

/// By position, not by name: this is read more than anything else.
fn stored(row: &Row<'_>) -> rusqlite::Result<StoredQuestion> {
    Ok(StoredQuestion {
        id: QuestionId(row.get(0).map(uuid::Uuid::from_bytes)?),
        text: QuestionText {
            title: Title::unchecked(row.get::<_, String>(1)?),
            description: row.get::<_, Option<String>>(2)?.map(Body::unchecked),
        },
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

statements! {
    INSERT = "INSERT INTO questions (id, author, created_at, updated_at, fingerprint, title, description)
        VALUES (?1, ?2, ?3, ?3, ?4, ?5, ?6) ON CONFLICT (id) DO NOTHING";
    EDIT = concat!(
        "UPDATE questions SET updated_at = ?5, title = ?6, description = ?7, version = version + 1",
        owned!(), " AND (?4 IS NULL OR version = ?4)"
    );
    /// A mark that is set already is no change.
    MARK = concat!("UPDATE questions SET version = version + (answered <> ?4), answered = ?4", owned!());
    /// Its answers go with it, by their reference.
    DELETE = concat!("DELETE FROM questions", owned!());
    BY_ID = select!("q.id = ?1");
    SAME_REQUEST = "SELECT 1 FROM questions WHERE id = ?1 AND author = ?2 AND fingerprint = ?3";
    AUTHOR = "SELECT author FROM questions WHERE id = ?1";
    NEWEST = select!(page!(newest "q"));
    NEWEST_MARKED = select!("q.answered = ?5 AND ", page!(newest "q"));
    NEWEST_BY = select!("q.author = ?5 AND ", page!(newest "q"));
    NEWEST_BY_MARKED = select!("q.author = ?5 AND q.answered = ?6 AND ", page!(newest "q"));
    OLDEST = select!(page!(oldest "q"));
    OLDEST_MARKED = select!("q.answered = ?5 AND ", page!(oldest "q"));
    OLDEST_BY = select!("q.author = ?5 AND ", page!(oldest "q"));
    OLDEST_BY_MARKED = select!("q.author = ?5 AND q.answered = ?6 AND ", page!(oldest "q"));
    LATEST = "SELECT max(created_at) FROM questions";
    /// Reads the whole of an index; the trait says that it costs.
    COUNT_ALL = "SELECT count(*) FROM questions";
    COUNT_MARKED = "SELECT count(*) FROM questions WHERE answered = ?1";
    COUNT_BY = "SELECT count(*) FROM questions WHERE author = ?1";
    COUNT_BY_MARKED = "SELECT count(*) FROM questions WHERE author = ?1 AND answered = ?2";
}

const ROWS: OwnedRows<StoredQuestion> =
    OwnedRows { by_id: BY_ID, read: stored, author: AUTHOR, same_request: SAME_REQUEST, delete: DELETE };

#[async_trait]
impl Questions for Sqlite {
    async fn add_question(&self, question: &Question) -> Result<Created<StoredQuestion>> {
        let question = question.clone();
        self.write(move |db| add(db, &question)).await
    }

    async fn question(&self, id: QuestionId) -> Result<StoredQuestion> {
        self.read(move |db| ROWS.get(db, id.0)).await
    }

    async fn questions(&self, query: ListQuery<QuestionFilter>) -> Result<Vec<StoredQuestion>> {
        self.read(move |db| Ok(list(db, query)?)).await
    }

    async fn count_questions(&self, filter: QuestionFilter) -> Result<u64> {
        self.count(move |db| Ok(count(db, filter)?)).await
    }

    async fn edit_question(&self, id: QuestionId, edit: &Edit<QuestionText>) -> Result<StoredQuestion> {
        let edit = edit.clone();
        self.write(move |db| {
            let Edit { text, principal, version, at } = edit;
            let values = params![
                id.0.as_bytes(),
                principal.user.0.as_bytes(),
                principal.edits_any(),
                version,
                at.0,
                text.title.as_str(),
                text.description.as_ref().map(Body::as_str),
            ];
            ROWS.update(db, id.0, principal, EDIT, values)
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
            let values =
                params![id.0.as_bytes(), principal.user.0.as_bytes(), principal.edits_any(), answered];
            ROWS.update(db, id.0, principal, MARK, values)
        })
        .await
    }

    async fn delete_question(&self, id: QuestionId, principal: Principal) -> Result<()> {
        self.write(move |db| ROWS.delete(db, id.0, principal)).await
    }
}

fn add(db: &Connection, question: &Question) -> Result<Created<StoredQuestion>> {
    let Question { id, author, text, created_at, fingerprint } = question;
    let values = params![
        id.0.as_bytes(),
        author.0.as_bytes(),
        in_order(*created_at, || LATEST.one(db, [], |row| row.get(0)))?,
        fingerprint,
        text.title.as_str(),
        text.description.as_ref().map(Body::as_str),
    ];
    ROWS.insert(db, &Creation { id: id.0, author: author.0, fingerprint }, INSERT, values)
}

fn list(db: &Connection, query: ListQuery<QuestionFilter>) -> rusqlite::Result<Vec<StoredQuestion>> {
    let ListQuery { filter, order, slice } = query;
    let Bounds { time, id, size, skip } = Bounds::of(slice, order);
    let author = filter.author.as_ref().map(|author| author.0.as_bytes());
    let sql = match (order, author, filter.answered) {
        (Order::Newest, None, None) => NEWEST,
        (Order::Newest, None, Some(_)) => NEWEST_MARKED,
        (Order::Newest, Some(_), None) => NEWEST_BY,
        (Order::Newest, Some(_), Some(_)) => NEWEST_BY_MARKED,
        (Order::Oldest, None, None) => OLDEST,
        (Order::Oldest, None, Some(_)) => OLDEST_MARKED,
        (Order::Oldest, Some(_), None) => OLDEST_BY,
        (Order::Oldest, Some(_), Some(_)) => OLDEST_BY_MARKED,
    };
    match (author, filter.answered) {
        (None, None) => sql.all(db, params![time, id, size, skip], stored),
        (None, Some(mark)) => sql.all(db, params![time, id, size, skip, mark], stored),
        (Some(author), None) => sql.all(db, params![time, id, size, skip, author], stored),
        (Some(author), Some(mark)) => sql.all(db, params![time, id, size, skip, author, mark], stored),
    }
}

fn count(db: &Connection, filter: QuestionFilter) -> rusqlite::Result<u64> {
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
