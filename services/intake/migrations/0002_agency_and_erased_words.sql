-- Of which agency the advocate was assigned: coordinators of others see nothing of it.
-- Rows from before show no agency, and so nothing to any coordinator, until a rebuild.
ALTER TABLE participations ADD COLUMN advocate_agency_id uuid;

-- Words leave the row when their erasure takes effect, before the keyring destroys the key.
ALTER TABLE needs ALTER COLUMN words DROP NOT NULL;
