-- Read tables of consent: disposable, folded from the log (tables.py). No permission is read here.
CREATE TABLE grants (
    grant_id uuid PRIMARY KEY,
    participation_id uuid NOT NULL,
    agency_reference uuid NOT NULL UNIQUE,
    recipient_agency_id uuid NOT NULL,
    items jsonb NOT NULL,
    purpose text NOT NULL,
    delivery_method text NOT NULL,
    state text NOT NULL,
    starts_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    recorded_by_role text NOT NULL,
    disclosures integer NOT NULL,
    position bigint NOT NULL
);
CREATE INDEX grants_of ON grants (participation_id, position);
SELECT guard_by_participation('grants');

CREATE TABLE assignments (
    participation_id uuid NOT NULL,
    advocate_id uuid NOT NULL,
    base text NOT NULL,
    PRIMARY KEY (participation_id, advocate_id)
);
SELECT guard_by_participation('assignments');

-- An agency's reference, or a disclosure's id, to the grant it belongs to: random ids and nothing
-- of anybody. Whoever reads as one participation has no use for it; agencies name none.
CREATE TABLE grant_pointers (
    id uuid PRIMARY KEY,
    grant_id uuid NOT NULL
);
ALTER TABLE grant_pointers ENABLE ROW LEVEL SECURITY;
CREATE POLICY committer_writes ON grant_pointers TO {committer} USING (true) WITH CHECK (true);
CREATE POLICY not_by_participation ON grant_pointers FOR SELECT TO {query}
    USING (current_setting('sayso.participation_id', true) IN ('', '*'));
