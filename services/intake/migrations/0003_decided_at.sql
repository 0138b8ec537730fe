-- When it was decided, as whoever recorded it says, beside when it was put on record: nobody dates
-- anything back unseen. Rows from before show one of the two alone until a rebuild.
ALTER TABLE timeline ADD COLUMN decided_at timestamptz;
