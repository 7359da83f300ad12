-- The instruction set that an engine computed with, where it says.
ALTER TABLE measurement
    ADD COLUMN isa TEXT GENERATED ALWAYS AS (json_extract(json, '$.runtime.isa')) VIRTUAL;
