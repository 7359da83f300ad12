-- Profiles, kept as measurements are: where the time of a network goes, part by part.
CREATE TABLE profile (
    id INTEGER PRIMARY KEY,
    content TEXT NOT NULL UNIQUE,
    machine TEXT NOT NULL,
    json TEXT NOT NULL CHECK (json_valid(json)),
    model TEXT GENERATED ALWAYS AS (json_extract(json, '$.subject.name')) VIRTUAL,
    file TEXT GENERATED ALWAYS AS (json_extract(json, '$.subject.file')) VIRTUAL,
    fingerprint TEXT GENERATED ALWAYS AS (json_extract(json, '$.subject.fingerprint')) VIRTUAL,
    engine TEXT GENERATED ALWAYS AS (json_extract(json, '$.runtime.engine')) VIRTUAL
) STRICT;

CREATE INDEX profile_key ON profile (fingerprint, machine, engine);

CREATE TRIGGER profile_is_kept BEFORE UPDATE ON profile
BEGIN SELECT RAISE(ABORT, 'results are only added'); END;
CREATE TRIGGER profile_stays BEFORE DELETE ON profile
BEGIN SELECT RAISE(ABORT, 'results are only added'); END;
