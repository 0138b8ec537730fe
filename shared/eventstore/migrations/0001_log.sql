-- The append-only log. A position is dense and given inside the commit lock, never by a sequence.
-- "previous" is null for a private event; for a published one it is the position of the preceding
-- published event, or 0. It is decided once, when the event is stored, and is part of the promise.
CREATE TABLE events (
    position bigint PRIMARY KEY CHECK (position > 0),
    originator_id uuid NOT NULL,
    originator_version bigint NOT NULL,
    topic text NOT NULL,
    state bytea NOT NULL,
    previous bigint CHECK (previous >= 0 AND previous < position),
    UNIQUE (originator_id, originator_version)
);
CREATE INDEX events_published ON events (position) WHERE previous IS NOT NULL;

CREATE FUNCTION events_are_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the log is append-only: % is refused', TG_OP USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON events
    FOR EACH STATEMENT EXECUTE FUNCTION events_are_append_only();
ALTER TABLE events ENABLE ALWAYS TRIGGER no_change;

-- Command ids with their results: a repeat is answered with the first one.
CREATE TABLE commands (
    scope text NOT NULL,
    command_id uuid NOT NULL,
    method text NOT NULL,
    fingerprint bytea NOT NULL,
    result jsonb NOT NULL,
    decided_at timestamptz NOT NULL,
    PRIMARY KEY (scope, command_id)
);

CREATE TABLE inbox (
    producer text PRIMARY KEY,
    position bigint NOT NULL
);

CREATE TABLE parked (
    producer text NOT NULL,
    position bigint NOT NULL,
    stream_id text NOT NULL,
    message jsonb NOT NULL,
    reason text NOT NULL,
    retry_at timestamptz NOT NULL,
    attempts integer NOT NULL DEFAULT 1,
    PRIMARY KEY (producer, position)
);
CREATE INDEX parked_streams ON parked (producer, stream_id, position);

CREATE TABLE relay (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    cursor bigint NOT NULL,
    last_published bigint NOT NULL
);

CREATE TABLE due (
    kind text NOT NULL,
    key text NOT NULL,
    at timestamptz NOT NULL,
    data jsonb NOT NULL DEFAULT '{}',
    attempts integer NOT NULL DEFAULT 0,
    PRIMARY KEY (kind, key)
);
CREATE INDEX due_at ON due (at);

-- Service migrations call this for each read table with a participation_id. The query role then
-- sees the rows of the participation that the read names; '*' is set only for a reader who is not
-- a survivor and whom the service has authorised.
CREATE FUNCTION guard_by_participation(guarded regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', guarded);
    EXECUTE format('CREATE POLICY committer_writes ON %s TO {committer} USING (true) WITH CHECK (true)',
                   guarded);
    EXECUTE format('CREATE POLICY one_participation ON %s FOR SELECT TO {query} USING ('
                   'current_setting(''sayso.participation_id'', true) IN (''*'', participation_id::text))',
                   guarded);
END
$$;

-- What later migrations create is a table of the service: written by its committer, read by its queries.
ALTER DEFAULT PRIVILEGES IN SCHEMA public
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {committer};
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO {query};

GRANT SELECT, INSERT ON events TO {committer};
GRANT SELECT, INSERT, UPDATE, DELETE ON commands, inbox, parked, relay, due TO {committer};
GRANT SELECT ON events TO {relay}, {audit};
GRANT SELECT, INSERT, UPDATE ON relay TO {relay};
