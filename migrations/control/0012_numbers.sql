-- Phase 5. Named counters.

CREATE TABLE numbers (
  name  text   NOT NULL,
  value bigint NOT NULL DEFAULT 0,
  CONSTRAINT numbers_pkey PRIMARY KEY (name),
  CONSTRAINT numbers_name_length CHECK (octet_length(name) BETWEEN 1 AND 255)
);

COMMENT ON TABLE numbers IS 'Named counters; nothing in this version counts.';
