-- Ids are the 16 bytes of a UUID, times are milliseconds since 1970-01-01T00:00:00Z.
-- A migration that was shipped is never edited: what must change goes into the next one.

PRAGMA application_id = 0x526f436f; -- "RoCo"

CREATE TABLE accounts (
    id             BLOB    NOT NULL PRIMARY KEY,
    username       TEXT    NOT NULL,
    username_key   TEXT    NOT NULL,
    email          TEXT    NOT NULL,
    email_key      TEXT    NOT NULL,
    password       TEXT    NOT NULL,
    role           TEXT    NOT NULL CHECK (role IN ('USER', 'ADMIN')),
    verified       INTEGER NOT NULL CHECK (verified IN (0, 1)),
    suspended      INTEGER NOT NULL CHECK (suspended IN (0, 1)),
    created_at     INTEGER NOT NULL,
    avatar_seed    TEXT    NOT NULL,
    avatar_version INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX accounts_username ON accounts (username_key);
CREATE UNIQUE INDEX accounts_email ON accounts (email_key);
CREATE INDEX accounts_by_time ON accounts (created_at, id);

-- Stands in for the authors of kept content whose accounts were deleted. The address is reserved (RFC 2606).
INSERT INTO accounts VALUES (
    x'00000000000000000000000000000000', 'deleted user', 'deleted user',
    'deleted@invalid.invalid', 'deleted@invalid.invalid', '', 'USER', 0, 1, 0, 'deleted user', 0
);

CREATE TABLE sessions (
    id          BLOB    NOT NULL PRIMARY KEY,
    user        BLOB    NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    generation  INTEGER NOT NULL,
    current     BLOB    NOT NULL,
    previous    BLOB,
    rotated_at  INTEGER NOT NULL,
    replays     INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    last_seen   INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL,
    absolute_at INTEGER NOT NULL,
    ended_at    INTEGER,
    end_reason  TEXT,
    device      TEXT    NOT NULL,
    CHECK ((ended_at IS NULL) = (end_reason IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_by_user ON sessions (user, created_at, id);
-- When a session stopped being worth anything; `Sessions::purge_sessions` repeats the expression.
CREATE INDEX sessions_over ON sessions (min(coalesce(ended_at, expires_at), expires_at, absolute_at));

CREATE TABLE avatars (
    user       BLOB    NOT NULL PRIMARY KEY REFERENCES accounts (id) ON DELETE CASCADE,
    version    INTEGER NOT NULL,
    svg        TEXT    NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE questions (
    id          BLOB    NOT NULL PRIMARY KEY,
    author      BLOB    NOT NULL REFERENCES accounts (id),
    title       TEXT    NOT NULL,
    description TEXT,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    answered    INTEGER NOT NULL DEFAULT 0 CHECK (answered IN (0, 1)),
    answers     INTEGER NOT NULL DEFAULT 0,
    version     INTEGER NOT NULL DEFAULT 1,
    fingerprint BLOB    NOT NULL
) STRICT;
CREATE INDEX questions_by_time ON questions (created_at, id);
CREATE INDEX questions_by_mark ON questions (answered, created_at, id);
CREATE INDEX questions_by_author ON questions (author, created_at, id);
CREATE INDEX questions_by_author_and_mark ON questions (author, answered, created_at, id);

CREATE TABLE answers (
    id          BLOB    NOT NULL PRIMARY KEY,
    question    BLOB    NOT NULL REFERENCES questions (id) ON DELETE CASCADE,
    author      BLOB    NOT NULL REFERENCES accounts (id),
    description TEXT    NOT NULL,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    version     INTEGER NOT NULL DEFAULT 1,
    fingerprint BLOB    NOT NULL
) STRICT;
CREATE INDEX answers_by_question ON answers (question, created_at, id);
CREATE INDEX answers_by_author ON answers (author);

-- `questions.answers` is kept here and not by the statements, so that no way to delete an answer can forget it.
CREATE TRIGGER answer_added AFTER INSERT ON answers BEGIN
    UPDATE questions SET answers = answers + 1 WHERE id = NEW.question;
END;
CREATE TRIGGER answer_deleted AFTER DELETE ON answers BEGIN
    UPDATE questions SET answers = answers - 1 WHERE id = OLD.question;
END;
