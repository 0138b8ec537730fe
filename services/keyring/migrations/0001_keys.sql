-- The keys themselves. Not read tables and not in the log: what is destroyed here must be gone.
-- A row without a wrapped key is a key destroyed: it stays so, and a newer one may stand beside it.
CREATE TABLE data_key (
    participation_id uuid NOT NULL,
    record_class text NOT NULL,
    key_id uuid PRIMARY KEY,
    wrapped_dek bytea,
    kek_version integer,
    destroyed_at timestamptz,
    CHECK ((destroyed_at IS NULL) = (wrapped_dek IS NOT NULL)),
    CHECK ((wrapped_dek IS NULL) = (kek_version IS NULL))
);
CREATE UNIQUE INDEX one_live_key ON data_key (participation_id, record_class)
    WHERE destroyed_at IS NULL;
CREATE INDEX data_key_subject ON data_key (participation_id, record_class);
REVOKE ALL ON data_key FROM {query};
-- A destroyed key's old row version is swept out soon, not when a fifth of the table has changed.
ALTER TABLE data_key SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1);

-- Which process may hold which key until when.
CREATE TABLE lease (
    key_id uuid NOT NULL REFERENCES data_key (key_id),
    service text NOT NULL,
    holder uuid NOT NULL,
    until timestamptz NOT NULL,
    PRIMARY KEY (key_id, service, holder)
);
CREATE INDEX lease_until ON lease (until);
REVOKE ALL ON lease FROM {query};

-- What was erased: folded from the log, and applied to the keys again after a restore.
CREATE TABLE erased (
    erasure_id uuid NOT NULL,
    participation_id uuid NOT NULL,
    record_class text NOT NULL,
    key_id uuid NOT NULL,
    destroyed_at timestamptz NOT NULL,
    completed_at timestamptz,
    PRIMARY KEY (erasure_id, record_class)
);
CREATE INDEX erased_subject ON erased (participation_id, record_class);
SELECT guard_by_participation('erased');
