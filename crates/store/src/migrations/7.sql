-- How an engine started the operators of a network, and the accelerator that it ran on, where it says.
ALTER TABLE measurement
    ADD COLUMN mode TEXT GENERATED ALWAYS AS (json_extract(json, '$.runtime.mode')) VIRTUAL;
ALTER TABLE measurement
    ADD COLUMN accelerator TEXT GENERATED ALWAYS AS (json_extract(json, '$.runtime.accelerator')) VIRTUAL;
ALTER TABLE measurement
    ADD COLUMN accelerator_driver TEXT GENERATED ALWAYS AS (json_extract(json, '$.accelerator.driver')) VIRTUAL;
ALTER TABLE measurement
    ADD COLUMN accelerator_platform TEXT GENERATED ALWAYS AS (json_extract(json, '$.accelerator.platform')) VIRTUAL;
ALTER TABLE training_run
    ADD COLUMN device TEXT GENERATED ALWAYS AS (json_extract(json, '$.device')) VIRTUAL;
