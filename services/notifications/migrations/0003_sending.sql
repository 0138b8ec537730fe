-- What may be sent stands in the due rows, and is read from the log when its time has come.
DROP TABLE queue;

ALTER TABLE notices ADD COLUMN sent_at timestamptz;
