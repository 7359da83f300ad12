-- Results are added, never changed. The whole result is JSON; columns are read from it, so that the two cannot
-- disagree. `content` is the SHA-256 of the JSON: equal results of merged stores are kept once.
CREATE TABLE measurement (
    id INTEGER PRIMARY KEY,
    content TEXT NOT NULL UNIQUE,
    machine TEXT NOT NULL,
    json TEXT NOT NULL CHECK (json_valid(json)),
    model TEXT GENERATED ALWAYS AS (json_extract(json, '$.subject.name')) VIRTUAL,
    file TEXT GENERATED ALWAYS AS (json_extract(json, '$.subject.file')) VIRTUAL,
    fingerprint TEXT GENERATED ALWAYS AS (json_extract(json, '$.subject.fingerprint')) VIRTUAL,
    params INTEGER GENERATED ALWAYS AS (json_extract(json, '$.subject.params')) VIRTUAL,
    macs INTEGER GENERATED ALWAYS AS (json_extract(json, '$.subject.macs')) VIRTUAL,
    engine TEXT GENERATED ALWAYS AS (json_extract(json, '$.runtime.engine')) VIRTUAL,
    engine_version TEXT GENERATED ALWAYS AS (json_extract(json, '$.runtime.engine_version')) VIRTUAL,
    device TEXT GENERATED ALWAYS AS (json_extract(json, '$.runtime.device')) VIRTUAL,
    precision TEXT GENERATED ALWAYS AS (json_extract(json, '$.runtime.precision')) VIRTUAL,
    batch INTEGER GENERATED ALWAYS AS (json_extract(json, '$.runtime.batch')) VIRTUAL,
    threads INTEGER GENERATED ALWAYS AS (json_extract(json, '$.runtime.threads')) VIRTUAL,
    median_ms REAL GENERATED ALWAYS AS (json_extract(json, '$.latency_ms.median.value')) VIRTUAL,
    low_ms REAL GENERATED ALWAYS AS (json_extract(json, '$.latency_ms.median.low')) VIRTUAL,
    high_ms REAL GENERATED ALWAYS AS (json_extract(json, '$.latency_ms.median.high')) VIRTUAL,
    grade TEXT GENERATED ALWAYS AS (json_extract(json, '$.grade')) VIRTUAL,
    cpu TEXT GENERATED ALWAYS AS (json_extract(json, '$.machine.cpu')) VIRTUAL,
    os TEXT GENERATED ALWAYS AS (json_extract(json, '$.machine.os')) VIRTUAL,
    version TEXT GENERATED ALWAYS AS (json_extract(json, '$.version')) VIRTUAL,
    finished_unix_ms INTEGER GENERATED ALWAYS AS (json_extract(json, '$.finished_unix_ms')) VIRTUAL
) STRICT;

CREATE INDEX measurement_key
    ON measurement (fingerprint, machine, engine, precision, batch, threads, device);

-- Rows of other programs' tables, which say less about themselves.
CREATE TABLE foreign_measurement (
    id INTEGER PRIMARY KEY,
    content TEXT NOT NULL UNIQUE,
    json TEXT NOT NULL CHECK (json_valid(json))
) STRICT;

CREATE TRIGGER measurement_is_kept BEFORE UPDATE ON measurement
BEGIN SELECT RAISE(ABORT, 'results are only added'); END;
CREATE TRIGGER measurement_stays BEFORE DELETE ON measurement
BEGIN SELECT RAISE(ABORT, 'results are only added'); END;
CREATE TRIGGER foreign_measurement_is_kept BEFORE UPDATE ON foreign_measurement
BEGIN SELECT RAISE(ABORT, 'results are only added'); END;
CREATE TRIGGER foreign_measurement_stays BEFORE DELETE ON foreign_measurement
BEGIN SELECT RAISE(ABORT, 'results are only added'); END;
