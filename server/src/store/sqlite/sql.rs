//! Statements: every one of the store is declared with [`statements!`], so that a test can ask for all their plans.

use rusqlite::{Connection, Params, Row};

/// One statement of the store.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sql(pub(super) &'static str);

/// Declares statements, and `ALL` of a module's for the test of their plans.
macro_rules! statements {
    ($($(#[$doc:meta])* $name:ident = $text:expr;)*) => {
        $($(#[$doc])* const $name: crate::store::sqlite::sql::Sql = crate::store::sqlite::sql::Sql($text);)*

        /// Every statement of this module, by name.
        #[cfg(test)]
        pub(in crate::store::sqlite) const ALL: &[(&str, crate::store::sqlite::sql::Sql)] = &[$((stringify!($name), $name)),*];
    };
}
pub(super) use statements;

/// How a row becomes a value.
pub(super) type Read<T> = fn(&Row<'_>) -> rusqlite::Result<T>;

impl Sql {
    /// Runs it; how many rows it changed.
    pub(super) fn run(self, db: &Connection, params: impl Params) -> rusqlite::Result<usize> {
        db.prepare_cached(self.0)?.execute(params)
    }

    /// The first row, if there is one. Steps to the end, without which a writing statement is not done.
    pub(super) fn one<T>(
        self,
        db: &Connection,
        params: impl Params,
        read: Read<T>,
    ) -> rusqlite::Result<Option<T>> {
        let mut statement = db.prepare_cached(self.0)?;
        let mut rows = statement.query(params)?;
        let first = rows.next()?.map(read).transpose()?;
        while rows.next()?.is_some() {}
        Ok(first)
    }

    /// All rows.
    pub(super) fn all<T>(
        self,
        db: &Connection,
        params: impl Params,
        read: Read<T>,
    ) -> rusqlite::Result<Vec<T>> {
        db.prepare_cached(self.0)?.query_map(params, read)?.collect()
    }
}
