-- Calibrations: models that predict latencies, and the networks that were measured for them.
CREATE TABLE calibration_sample (
    id INTEGER PRIMARY KEY,
    content TEXT NOT NULL UNIQUE,
    json TEXT NOT NULL CHECK (json_valid(json)),
    machine TEXT NOT NULL,
    fingerprint TEXT GENERATED ALWAYS AS (json_extract(json, '$.subject.fingerprint')) VIRTUAL,
    name TEXT GENERATED ALWAYS AS (json_extract(json, '$.subject.name')) VIRTUAL,
    engine TEXT GENERATED ALWAYS AS (json_extract(json, '$.runtime.engine')) VIRTUAL,
    threads INTEGER GENERATED ALWAYS AS (json_extract(json, '$.runtime.threads')) VIRTUAL,
    latency_ms REAL GENERATED ALWAYS AS (json_extract(json, '$.latency_ms.value')) VIRTUAL,
    finished_unix_ms INTEGER GENERATED ALWAYS AS (json_extract(json, '$.finished_unix_ms')) VIRTUAL
) STRICT;

CREATE TRIGGER calibration_sample_is_kept BEFORE UPDATE ON calibration_sample
BEGIN SELECT RAISE(ABORT, 'results are only added'); END;
CREATE TRIGGER calibration_sample_stays BEFORE DELETE ON calibration_sample
BEGIN SELECT RAISE(ABORT, 'results are only added'); END;

CREATE TABLE calibration (
    id INTEGER PRIMARY KEY,
    content TEXT NOT NULL UNIQUE,
    json TEXT NOT NULL CHECK (json_valid(json)),
    engine TEXT GENERATED ALWAYS AS (json_extract(json, '$.runtime.engine')) VIRTUAL,
    threads INTEGER GENERATED ALWAYS AS (json_extract(json, '$.runtime.threads')) VIRTUAL,
    within_10_percent REAL GENERATED ALWAYS AS (json_extract(json, '$.judgement.within_10_percent')) VIRTUAL,
    coverage REAL GENERATED ALWAYS AS (json_extract(json, '$.judgement.coverage')) VIRTUAL,
    finished_unix_ms INTEGER GENERATED ALWAYS AS (json_extract(json, '$.finished_unix_ms')) VIRTUAL
) STRICT;

CREATE TRIGGER calibration_is_kept BEFORE UPDATE ON calibration
BEGIN SELECT RAISE(ABORT, 'results are only added'); END;
CREATE TRIGGER calibration_stays BEFORE DELETE ON calibration
BEGIN SELECT RAISE(ABORT, 'results are only added'); END;
