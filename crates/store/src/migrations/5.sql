-- Accuracies and latencies from tables of other programs. They name a network, and no machine.
CREATE TABLE imported_result (
    id INTEGER PRIMARY KEY,
    content TEXT NOT NULL UNIQUE,
    json TEXT NOT NULL CHECK (json_valid(json)),
    network TEXT GENERATED ALWAYS AS (json_extract(json, '$.network')) VIRTUAL,
    dataset TEXT GENERATED ALWAYS AS (json_extract(json, '$.dataset')) VIRTUAL,
    top1 REAL GENERATED ALWAYS AS (json_extract(json, '$.top1')) VIRTUAL,
    top5 REAL GENERATED ALWAYS AS (json_extract(json, '$.top5')) VIRTUAL,
    latency_ms REAL GENERATED ALWAYS AS (json_extract(json, '$.latency_ms')) VIRTUAL,
    source TEXT GENERATED ALWAYS AS (json_extract(json, '$.source')) VIRTUAL
) STRICT;

CREATE TRIGGER imported_result_is_kept BEFORE UPDATE ON imported_result
BEGIN SELECT RAISE(ABORT, 'results are only added'); END;
CREATE TRIGGER imported_result_stays BEFORE DELETE ON imported_result
BEGIN SELECT RAISE(ABORT, 'results are only added'); END;
