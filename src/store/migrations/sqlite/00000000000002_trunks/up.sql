CREATE TABLE trunks (
    name       TEXT   NOT NULL PRIMARY KEY,
    settings   TEXT   NOT NULL,                 -- JSON object
    password   TEXT,                            -- as it is: the digest needs it for whatever realm asks
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
