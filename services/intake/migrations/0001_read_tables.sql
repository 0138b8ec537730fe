-- Who helps, what was explained, and where the case stands: one row a participation.
CREATE TABLE participations (
    participation_id uuid PRIMARY KEY,
    case_id uuid NOT NULL,
    state text NOT NULL,
    requested_base text,
    advocate_id uuid,
    advocate_base text,
    notice_version text
);
SELECT guard_by_participation('participations');

-- Needs, sealed; nothing here can be read without the participation's key.
CREATE TABLE needs (
    need_id uuid PRIMARY KEY,
    participation_id uuid NOT NULL,
    words text NOT NULL,
    recorded_at timestamptz NOT NULL,
    position bigint NOT NULL
);
CREATE INDEX needs_of ON needs (participation_id, position);
SELECT guard_by_participation('needs');

-- A yes that staff recorded and nobody has confirmed yet.
CREATE TABLE waiting (
    decision_id uuid PRIMARY KEY,
    participation_id uuid NOT NULL,
    recorded_by_id uuid NOT NULL
);
SELECT guard_by_participation('waiting');

CREATE TABLE timeline (
    position bigint PRIMARY KEY,
    participation_id uuid NOT NULL,
    what text NOT NULL,
    at timestamptz NOT NULL,
    decided_by text,
    recorded_by_role text,
    recorded_by_id uuid,
    about text,
    shared_with uuid,
    source text NOT NULL
);
CREATE INDEX timeline_of ON timeline (participation_id, position);
SELECT guard_by_participation('timeline');

-- Which participation a possession code opens. Not a read table: a rebuild never touches it,
-- because no event knows a code or its hash, and a row can be deleted for good.
CREATE TABLE possession_codes (
    code_index bytea PRIMARY KEY CHECK (length(code_index) = 32),
    participation_id uuid NOT NULL,
    case_id uuid NOT NULL
);
REVOKE ALL ON possession_codes FROM {query};

-- One row for one hash: who may only query can look a code up, and never list them.
CREATE FUNCTION opened_by(wanted bytea) RETURNS TABLE (participation_id uuid, case_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
    AS 'SELECT participation_id, case_id FROM possession_codes WHERE code_index = wanted';
REVOKE ALL ON FUNCTION opened_by(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION opened_by(bytea) TO {query};
