-- By which the same words are known again when a command is sent again under its key: for each
-- record class a mark under the data key that the words are sealed with, which an erasure destroys.
ALTER TABLE commands ADD COLUMN words jsonb;
