-- Every leaf keeps what its entry is the hash of, padding too: so nobody can call a record padding.
-- Without a service a leaf is the ledger's own: with a position the closing of that number (the last
-- leaf under a checkpoint), without one padding.
DO $$
BEGIN
    IF EXISTS (SELECT FROM leaves) THEN
        RAISE EXCEPTION 'this ledger was begun before padding could be checked, and cannot be carried over'
            USING HINT = 'Begin another platform (make down DATA=1, or another folder); nothing was changed here.';
    END IF;
END
$$;
ALTER TABLE leaves
    ALTER random SET NOT NULL,
    ALTER record SET NOT NULL,
    DROP CONSTRAINT leaves_check,
    DROP CONSTRAINT leaves_check1,
    DROP CONSTRAINT leaves_check2,
    ADD CHECK (service IS NULL OR position IS NOT NULL);
CREATE UNIQUE INDEX closings ON leaves (position) WHERE service IS NULL AND position IS NOT NULL;
