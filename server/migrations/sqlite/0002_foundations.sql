-- Comparison keys of names and email addresses. The program fills them, for they need tables of Unicode; of two accounts
-- whose keys collide, the older one has the key and the other one has none.
ALTER TABLE accounts ADD COLUMN username_skeleton TEXT;
ALTER TABLE accounts ADD COLUMN email_canonical TEXT;
CREATE UNIQUE INDEX accounts_username_skeleton ON accounts (username_skeleton) WHERE username_skeleton IS NOT NULL;
CREATE UNIQUE INDEX accounts_email_canonical ON accounts (email_canonical) WHERE email_canonical IS NOT NULL;
-- When a password set by an operator stops working.
ALTER TABLE accounts ADD COLUMN password_expires_at INTEGER;

-- Set while an account is being deleted, to what becomes of its content. Such an account is gone to everybody; its rows go
-- in batches.
ALTER TABLE accounts ADD COLUMN deleting TEXT CHECK (deleting IN ('keep', 'erase'));
CREATE INDEX accounts_deleting ON accounts (id) WHERE deleting IS NOT NULL;

-- The admins that count, for the last one stays: few.
CREATE INDEX accounts_admins ON accounts (role) WHERE role = 'ADMIN' AND suspended = 0;

-- Whether a refresh of this session ever carried an Idempotency-Key; the SHA-256 of the last one, and the generation that
-- it rotated; whether a spent token was accepted once without it.
ALTER TABLE sessions ADD COLUMN keyed INTEGER NOT NULL DEFAULT 0 CHECK (keyed IN (0, 1));
ALTER TABLE sessions ADD COLUMN refresh_key BLOB;
ALTER TABLE sessions ADD COLUMN refresh_key_generation INTEGER;
ALTER TABLE sessions ADD COLUMN grace_used INTEGER NOT NULL DEFAULT 0 CHECK (grace_used IN (0, 1));

-- What the database says about itself: `id_key` (32 random bytes, the key of the HMAC behind the ids of keyed creates),
-- `text_version` (of the tables behind the comparison keys).
CREATE TABLE meta (
    name  TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL
) STRICT;

-- Recurring jobs, each leased to one holder at a time.
CREATE TABLE jobs (
    name        TEXT    NOT NULL PRIMARY KEY,
    holder      TEXT,
    lease_until INTEGER NOT NULL,
    state       TEXT
) STRICT;

-- BCrypt hashes of imported accounts that have not signed in since: whether there are any is asked at each refused login.
CREATE INDEX accounts_bcrypt ON accounts (password) WHERE password >= '$2' AND password < '$3';
