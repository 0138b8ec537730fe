-- Whether the address of a way of contact bears a mark; the mark itself is in the log alone.
ALTER TABLE contact_channels ADD COLUMN marked boolean NOT NULL DEFAULT false;
