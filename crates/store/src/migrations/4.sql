-- Training runs, kept as measurements are. A seed may be larger than SQLite's whole numbers, so its column takes any.
CREATE TABLE training_run (
    id INTEGER PRIMARY KEY,
    content TEXT NOT NULL UNIQUE,
    machine TEXT NOT NULL,
    json TEXT NOT NULL CHECK (json_valid(json)),
    model TEXT GENERATED ALWAYS AS (json_extract(json, '$.subject.name')) VIRTUAL,
    file TEXT GENERATED ALWAYS AS (json_extract(json, '$.subject.file')) VIRTUAL,
    fingerprint TEXT GENERATED ALWAYS AS (json_extract(json, '$.subject.fingerprint')) VIRTUAL,
    training_fingerprint TEXT GENERATED ALWAYS AS (json_extract(json, '$.training_fingerprint')) VIRTUAL,
    params INTEGER GENERATED ALWAYS AS (json_extract(json, '$.subject.params')) VIRTUAL,
    macs INTEGER GENERATED ALWAYS AS (json_extract(json, '$.subject.macs')) VIRTUAL,
    dataset TEXT GENERATED ALWAYS AS (json_extract(json, '$.dataset.label')) VIRTUAL,
    dataset_fingerprint TEXT GENERATED ALWAYS AS (json_extract(json, '$.dataset.fingerprint')) VIRTUAL,
    recipe TEXT GENERATED ALWAYS AS (json_extract(json, '$.recipe.name')) VIRTUAL,
    recipe_fingerprint TEXT GENERATED ALWAYS AS (json_extract(json, '$.recipe.fingerprint')) VIRTUAL,
    seed ANY GENERATED ALWAYS AS (json_extract(json, '$.seed')) VIRTUAL,
    epochs INTEGER GENERATED ALWAYS AS (json_extract(json, '$.epochs')) VIRTUAL,
    trainer TEXT GENERATED ALWAYS AS (json_extract(json, '$.trainer')) VIRTUAL,
    isa TEXT GENERATED ALWAYS AS (json_extract(json, '$.isa')) VIRTUAL,
    outcome TEXT GENERATED ALWAYS AS (json_extract(json, '$.outcome.state')) VIRTUAL,
    val_top1 REAL GENERATED ALWAYS AS (json_extract(json, '$.val_top1')) VIRTUAL,
    test_top1 REAL GENERATED ALWAYS AS (json_extract(json, '$.test_top1')) VIRTUAL,
    images_per_s REAL GENERATED ALWAYS AS (json_extract(json, '$.images_per_s')) VIRTUAL,
    version TEXT GENERATED ALWAYS AS (json_extract(json, '$.version')) VIRTUAL,
    finished_unix_ms INTEGER GENERATED ALWAYS AS (json_extract(json, '$.finished_unix_ms')) VIRTUAL
) STRICT;

CREATE INDEX training_run_key
    ON training_run (training_fingerprint, dataset_fingerprint, recipe_fingerprint, seed);

CREATE TRIGGER training_run_is_kept BEFORE UPDATE ON training_run
BEGIN SELECT RAISE(ABORT, 'results are only added'); END;
CREATE TRIGGER training_run_stays BEFORE DELETE ON training_run
BEGIN SELECT RAISE(ABORT, 'results are only added'); END;
