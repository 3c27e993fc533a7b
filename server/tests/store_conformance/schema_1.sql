-- The tables as the first release made them. Never edited: databases like this are out there.
CREATE TABLE sample (
    position    INTEGER PRIMARY KEY,
    id          BLOB NOT NULL UNIQUE,
    sha256      TEXT NOT NULL,
    device_id   TEXT NOT NULL,
    month       TEXT NOT NULL,
    started_us  INTEGER NOT NULL,
    received_us INTEGER NOT NULL,
    commune     TEXT NOT NULL,
    unattested  INTEGER NOT NULL
) STRICT;
CREATE INDEX sample_device ON sample (device_id, started_us);

CREATE TABLE body (
    position INTEGER PRIMARY KEY REFERENCES sample (position),
    bytes    BLOB NOT NULL
) STRICT;

CREATE TABLE verdict (
    position  INTEGER PRIMARY KEY REFERENCES sample (position),
    counts    INTEGER NOT NULL,
    reasons   TEXT NOT NULL,
    rules     INTEGER NOT NULL,
    place     TEXT,
    judged_us INTEGER NOT NULL
) STRICT;

CREATE TABLE tombstone (
    id         BLOB PRIMARY KEY,
    sha256     TEXT NOT NULL,
    deleted_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE receipt (
    key       TEXT NOT NULL,
    sequence  INTEGER NOT NULL,
    sample_id BLOB NOT NULL,
    deletion  INTEGER NOT NULL,
    sha256    TEXT NOT NULL,
    json      TEXT NOT NULL,
    PRIMARY KEY (key, sequence)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX receipt_sample ON receipt (sample_id, deletion);

CREATE TABLE tally (
    month      TEXT NOT NULL,
    commune    TEXT NOT NULL,
    reason     TEXT NOT NULL,
    unattested INTEGER NOT NULL,
    samples    INTEGER NOT NULL,
    PRIMARY KEY (month, commune, reason, unattested)
) STRICT, WITHOUT ROWID;

CREATE TABLE device_tally (
    month     TEXT NOT NULL,
    commune   TEXT NOT NULL,
    device_id TEXT NOT NULL,
    samples   INTEGER NOT NULL,
    PRIMARY KEY (month, commune, device_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE used_key (
    purpose  TEXT NOT NULL,
    key      TEXT NOT NULL,
    since_us INTEGER NOT NULL,
    PRIMARY KEY (purpose, key)
) STRICT, WITHOUT ROWID;
PRAGMA application_id = 0x69535044;
PRAGMA user_version = 1;
