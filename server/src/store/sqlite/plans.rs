//! Every statement of the store finds its rows by an index, in the order of that index.

use rusqlite::Connection;

use super::{Sqlite, accounts, answers, avatars, deletion, jobs, questions, sessions};

/// What may read more than it answers with, and why.
const EXCEPT: &[(&str, &str)] = &[
    // A heading; what the subquery reads is a step of its own.
    ("accounts::IS_LAST_ADMIN", "SCALAR SUBQUERY"),
    // The partial index has only the accounts that are being deleted.
    ("deletion::MARKED", "SCAN accounts USING"),
    // The trait says that counting all costs the more the more there are; it reads the smallest index.
    ("questions::COUNT_ALL", "SCAN questions USING COVERING INDEX"),
];

fn plan(db: &Connection, sql: &str) -> Vec<String> {
    let mut statement = db.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    let unbound = vec![rusqlite::types::Null; statement.parameter_count()];
    let steps = statement.query_map(rusqlite::params_from_iter(unbound), |row| row.get("detail")).unwrap();
    steps.map(Result::unwrap).collect()
}

fn is_by_index(step: &str) -> bool {
    let search = step.starts_with("SEARCH ") && (step.contains(" INDEX ") || step.contains(" PRIMARY KEY "));
    // What a statement with a subquery or with alternatives, each by its index, says about itself.
    let parts = ["LIST SUBQUERY", "USING INDEX", "MULTI-INDEX OR", "INDEX "];
    search || parts.iter().any(|part| step.starts_with(part))
}

#[test]
fn every_statement_uses_an_index() {
    let dir = tempfile::tempdir().unwrap();
    drop(Sqlite::open(dir.path()).unwrap());
    let db = Connection::open(dir.path().join(super::FILE_NAME)).unwrap();
    let modules = [
        ("accounts", accounts::ALL),
        ("answers", answers::ALL),
        ("avatars", avatars::ALL),
        ("deletion", deletion::ALL),
        ("jobs", jobs::ALL),
        ("questions", questions::ALL),
        ("sessions", sessions::ALL),
        ("store", super::ALL),
    ];
    let mut seen = 0;
    let mut excepted = 0;
    for (module, statements) in modules {
        for (name, sql) in statements {
            let (name, steps) = (format!("{module}::{name}"), plan(&db, sql.0));
            let reads = !sql.0.trim_start().starts_with("INSERT") || sql.0.contains("SELECT");
            assert_eq!(reads, !steps.is_empty(), "{name}: {steps:?}");
            for step in steps {
                let allowed = EXCEPT.iter().any(|(of, plan)| *of == name && step.starts_with(plan));
                assert!(allowed || is_by_index(&step), "{name}: {step}\n{}", sql.0);
                excepted += usize::from(allowed);
                seen += 1;
            }
        }
    }
    assert_eq!(excepted, EXCEPT.len(), "an exception that is not needed any more");
    assert!(seen > 30, "only {seen} steps were looked at");
}

/// The filters narrow the index down to the first row of the page, and the rest of its order is the list's.
#[test]
fn lists_start_at_the_cursor() {
    let dir = tempfile::tempdir().unwrap();
    drop(Sqlite::open(dir.path()).unwrap());
    let db = Connection::open(dir.path().join(super::FILE_NAME)).unwrap();
    let steps = |all: &[(&str, super::sql::Sql)], name: &str| {
        let (_, sql) = all.iter().find(|(of, _)| *of == name).unwrap();
        plan(&db, sql.0)
    };
    for (order, beyond) in [("NEWEST", '<'), ("OLDEST", '>')] {
        let key = format!("(created_at,id){beyond}(?,?)");
        for (filter, index) in [
            ("", format!("questions_by_time ({key})")),
            ("_MARKED", format!("questions_by_mark (answered=? AND {key})")),
            ("_BY", format!("questions_by_author (author=? AND {key})")),
            ("_BY_MARKED", format!("questions_by_author_and_mark (author=? AND answered=? AND {key})")),
        ] {
            let step = steps(questions::ALL, &format!("{order}{filter}")).remove(0);
            assert_eq!(step, format!("SEARCH q USING INDEX {index}"));
        }
        let index = format!("answers_by_question (question=? AND {key})");
        assert_eq!(steps(answers::ALL, order)[0], format!("SEARCH r USING INDEX {index}"));
    }
    let purge = steps(sessions::ALL, "PURGE_SOME").pop();
    assert_eq!(purge.as_deref(), Some("SEARCH sessions USING COVERING INDEX sessions_over (<expr><?)"));
}

/// What is erased with a row, and the triggers, are not in any plan: their columns lead an index each.
#[test]
fn every_reference_has_an_index() {
    let dir = tempfile::tempdir().unwrap();
    drop(Sqlite::open(dir.path()).unwrap());
    let db = Connection::open(dir.path().join(super::FILE_NAME)).unwrap();
    let mut references = db
        .prepare(
            "SELECT m.name, f.\"from\" FROM sqlite_schema m, pragma_foreign_key_list(m.name) f WHERE m.type = 'table'",
        )
        .unwrap();
    let references: Vec<(String, String)> =
        references.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect();
    assert_eq!(references.len(), 5);
    for (table, column) in references {
        let steps = plan(&db, &format!("DELETE FROM {table} WHERE {column} = ?1"));
        assert!(steps.iter().all(|step| is_by_index(step)), "{table}.{column}: {steps:?}");
    }
}

/// No statement escapes the list: nothing else in this back end is handed to SQLite as text.
#[test]
fn all_statements_are_declared() {
    let without_tests = |source: &'static str| source.split("#[cfg(test)]").next().unwrap();
    for (file, source) in [
        ("accounts", include_str!("accounts.rs")),
        ("answers", include_str!("answers.rs")),
        ("avatars", include_str!("avatars.rs")),
        ("deletion", without_tests(include_str!("deletion.rs"))),
        ("ownership", include_str!("ownership.rs")),
        ("questions", include_str!("questions.rs")),
        ("sessions", include_str!("sessions.rs")),
    ] {
        for call in ["prepare", "execute", "query_row", "Sql("] {
            assert!(!source.contains(call), "{file}.rs calls {call}: declare the statement instead");
        }
    }
}
