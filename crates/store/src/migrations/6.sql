-- Searches in spaces of networks: their plans, and what they found.
CREATE TABLE exploration (
    id INTEGER PRIMARY KEY,
    content TEXT NOT NULL UNIQUE,
    json TEXT NOT NULL CHECK (json_valid(json)),
    space TEXT GENERATED ALWAYS AS (json_extract(json, '$.space.title')) VIRTUAL,
    space_fingerprint TEXT GENERATED ALWAYS AS (json_extract(json, '$.space.fingerprint')) VIRTUAL,
    dataset TEXT GENERATED ALWAYS AS (json_extract(json, '$.request.dataset')) VIRTUAL,
    recipe TEXT GENERATED ALWAYS AS (json_extract(json, '$.request.recipe')) VIRTUAL,
    budget_s REAL GENERATED ALWAYS AS (json_extract(json, '$.request.budget_s')) VIRTUAL,
    finished_unix_ms INTEGER GENERATED ALWAYS AS (json_extract(json, '$.finished_unix_ms')) VIRTUAL
) STRICT;

CREATE TRIGGER exploration_is_kept BEFORE UPDATE ON exploration
BEGIN SELECT RAISE(ABORT, 'results are only added'); END;
CREATE TRIGGER exploration_stays BEFORE DELETE ON exploration
BEGIN SELECT RAISE(ABORT, 'results are only added'); END;
