-- The ledger. A leaf's index is dense and given inside the ledger's lock. "entry" is what stands in
-- the public log; a dummy leaf has nothing else. "random" and "record" are what an entry is the hash
-- of, and leave only in an authorised bundle or in a person's own receipt.
CREATE TABLE leaves (
    index bigint PRIMARY KEY CHECK (index >= 0),
    entry bytea NOT NULL CHECK (octet_length(entry) = 32),
    service text,
    position bigint CHECK (position > 0),
    random bytea CHECK (octet_length(random) = 32),
    record bytea,
    CHECK ((record IS NULL) = (service IS NULL)),
    CHECK ((record IS NULL) = (position IS NULL)),
    CHECK ((record IS NULL) = (random IS NULL)),
    UNIQUE (service, position)
);

-- The tree above the leaves, where tiles need it: at level n, the hash over 256**n leaves.
CREATE TABLE nodes (
    level smallint CHECK (level BETWEEN 1 AND 7),
    index bigint CHECK (index >= 0),
    hash bytea NOT NULL CHECK (octet_length(hash) = 32),
    PRIMARY KEY (level, index)
);

CREATE TABLE checkpoints (
    size bigint PRIMARY KEY CHECK (size > 0),
    root bytea NOT NULL CHECK (octet_length(root) = 32),
    note text NOT NULL,
    at timestamptz NOT NULL
);

CREATE FUNCTION ledger_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the ledger is append-only: % is refused', TG_OP USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON leaves
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_is_append_only();
CREATE TRIGGER no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON nodes
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_is_append_only();
CREATE TRIGGER no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON checkpoints
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_is_append_only();
ALTER TABLE leaves ENABLE ALWAYS TRIGGER no_change;
ALTER TABLE nodes ENABLE ALWAYS TRIGGER no_change;
ALTER TABLE checkpoints ENABLE ALWAYS TRIGGER no_change;

REVOKE ALL ON leaves, nodes, checkpoints FROM {committer}, {query};
GRANT SELECT, INSERT ON leaves, nodes, checkpoints TO {committer};
-- What is published, and nothing that it is the hash of.
GRANT SELECT (index, entry) ON leaves TO {query};
GRANT SELECT ON nodes, checkpoints TO {query};
GRANT SELECT ON leaves, nodes, checkpoints TO {audit};
