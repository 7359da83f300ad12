-- Counts of parts of spaces.
CREATE TABLE space_count (
    id INTEGER PRIMARY KEY,
    content TEXT NOT NULL UNIQUE,
    json TEXT NOT NULL CHECK (json_valid(json)),
    space TEXT GENERATED ALWAYS AS (json_extract(json, '$.space.title')) VIRTUAL,
    space_fingerprint TEXT GENERATED ALWAYS AS (json_extract(json, '$.space.fingerprint')) VIRTUAL,
    first INTEGER GENERATED ALWAYS AS (json_extract(json, '$.first')) VIRTUAL,
    points INTEGER GENERATED ALWAYS AS (json_extract(json, '$.points')) VIRTUAL,
    feasible INTEGER GENERATED ALWAYS AS (json_extract(json, '$.feasible')) VIRTUAL,
    finished_unix_ms INTEGER GENERATED ALWAYS AS (json_extract(json, '$.finished_unix_ms')) VIRTUAL
) STRICT;

CREATE TRIGGER space_count_is_kept BEFORE UPDATE ON space_count
BEGIN SELECT RAISE(ABORT, 'results are only added'); END;
CREATE TRIGGER space_count_stays BEFORE DELETE ON space_count
BEGIN SELECT RAISE(ABORT, 'results are only added'); END;
