//! Rows that belong to their author: what questions and answers have in common.
//!
//! A write names the row, its owner and perhaps its version in its filter. If it met no row, one read tells why.

use ro_co_shared::UserId;
use rusqlite::{Connection, Params, Row, params};
use uuid::Uuid;

use super::{
    fault::parent_missing,
    id,
    sql::{Read, Sql},
};
use crate::store::{Created, CreatedAt, Error, Principal, Result};

/// The condition of a write: the row `?1`, if it is `?2`'s or the caller may write any (`?3`).
macro_rules! owned {
    () => {
        " WHERE id = ?1 AND (author = ?2 OR ?3)"
    };
}
pub(super) use owned;

/// The time of creation of a row that the writer is about to insert, in milliseconds. That of a row of today is later than
/// the `latest` of its list, whatever the clock says: rows of a list appear in its order.
pub(super) fn in_order(
    created_at: CreatedAt,
    latest: impl FnOnce() -> rusqlite::Result<Option<Option<i64>>>,
) -> rusqlite::Result<i64> {
    match created_at {
        CreatedAt::Recorded(time) => Ok(time.0),
        CreatedAt::Now(now) => {
            Ok(latest()?.flatten().map_or(now.0, |latest| now.0.max(latest.saturating_add(1))))
        }
    }
}

/// The statements of a table of such rows.
#[derive(Clone, Copy)]
pub(super) struct OwnedRows<T: 'static> {
    /// Reads the row with the id `?1` ...
    pub(super) by_id: Sql,
    /// ... as this.
    pub(super) read: Read<T>,
    /// The `author` of the row with the id `?1`.
    pub(super) author: Sql,
    /// A row, where the one with the id `?1` was made by the author `?2` with the fingerprint `?3`.
    pub(super) same_request: Sql,
    /// Deletes the row [`owned!`].
    pub(super) delete: Sql,
}

/// Who makes a row, and by which request.
pub(super) struct Creation<'a> {
    pub(super) id: Uuid,
    pub(super) author: Uuid,
    pub(super) fingerprint: &'a [u8; 32],
}

impl<T> OwnedRows<T> {
    /// The row with this id.
    pub(super) fn get(&self, db: &Connection, id: Uuid) -> Result<T> {
        self.by_id.one(db, [id.as_bytes()], self.read)?.ok_or(Error::NotFound)
    }

    /// Runs an `INSERT` that does nothing where the id is taken, and reads the row.
    pub(super) fn insert(
        &self,
        db: &Connection,
        creation: &Creation<'_>,
        sql: Sql,
        values: impl Params,
    ) -> Result<Created<T>> {
        let created = sql.run(db, values).map_err(parent_missing)? == 1;
        let Creation { id, author, fingerprint } = creation;
        let request = params![id.as_bytes(), author.as_bytes(), fingerprint];
        if !created && self.same_request.one(db, request, |_| Ok(()))?.is_none() {
            return Err(Error::Conflict("Idempotency-Key"));
        }
        Ok(Created { row: self.get(db, *id)?, created })
    }

    /// Runs an `UPDATE` of the row [`owned!`], and reads what became of it.
    pub(super) fn update(
        &self,
        db: &Connection,
        id: Uuid,
        principal: Principal,
        sql: Sql,
        values: impl Params,
    ) -> Result<T> {
        match sql.run(db, values)? {
            0 => Err(self.why_none(db, id, principal)?),
            _ => self.get(db, id),
        }
    }

    /// Deletes the row.
    pub(super) fn delete(&self, db: &Connection, id: Uuid, principal: Principal) -> Result<()> {
        match self
            .delete
            .run(db, params![id.as_bytes(), principal.user.0.as_bytes(), principal.edits_any()])?
        {
            0 => Err(self.why_none(db, id, principal)?),
            _ => Ok(()),
        }
    }

    fn why_none(&self, db: &Connection, id: Uuid, principal: Principal) -> Result<Error> {
        Ok(match self.author.one(db, [id.as_bytes()], author)? {
            None => Error::NotFound,
            Some(author) if !principal.may_edit(UserId(author)) => Error::Denied,
            // It is there, and the caller's: only the version is left.
            Some(_) => Error::Stale,
        })
    }
}

fn author(row: &Row<'_>) -> rusqlite::Result<Uuid> {
    id(row, "author")
}
