-- Times are seconds since 1970 (UTC). Types are those that SQLite and PostgreSQL share.

CREATE TABLE accounts (
    name          TEXT    NOT NULL PRIMARY KEY,
    display_name  TEXT    NOT NULL,
    email         TEXT,
    roles         TEXT    NOT NULL,             -- JSON list
    disabled      BOOLEAN NOT NULL,
    password_hash TEXT,                         -- Argon2id in PHC form
    ha1_realm     TEXT,                         -- RFC 7616 §3.4.2, for the digest of SIP
    ha1_md5       TEXT,
    ha1_sha256    TEXT,
    created_at    BIGINT  NOT NULL
);

CREATE TABLE conferences (
    number     TEXT   NOT NULL PRIMARY KEY,
    alias      TEXT   UNIQUE,
    title      TEXT   NOT NULL,
    access     TEXT   NOT NULL,
    pin        TEXT,
    chair_pin  TEXT,
    options    TEXT   NOT NULL,                 -- JSON object
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE members (
    conference TEXT    NOT NULL REFERENCES conferences (number) ON DELETE CASCADE,
    position   INTEGER NOT NULL,
    address    TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    role       TEXT    NOT NULL,
    PRIMARY KEY (conference, position),
    UNIQUE (conference, address)
);
CREATE INDEX members_by_address ON members (address);

CREATE TABLE bindings (
    aor        TEXT   NOT NULL,
    binding    TEXT   NOT NULL,                 -- contact, or instance and reg-id (RFC 5626 §6)
    contact    TEXT   NOT NULL,
    call_id    TEXT   NOT NULL,
    cseq       BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    user_agent TEXT   NOT NULL,
    path       TEXT   NOT NULL,                 -- JSON list (RFC 3327)
    instance   TEXT,
    reg_id     BIGINT,
    source     TEXT   NOT NULL,
    transport  TEXT   NOT NULL,
    received   TEXT,
    PRIMARY KEY (aor, binding)
);

CREATE TABLE sessions (
    token_sha256 BLOB   NOT NULL PRIMARY KEY,
    account      TEXT   NOT NULL REFERENCES accounts (name) ON DELETE CASCADE,
    created_at   BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL
);
CREATE INDEX sessions_by_account ON sessions (account);
