-- Which item a disclosure gave, and of which service and kind it is. Entries from before show none.
ALTER TABLE timeline
    ADD COLUMN item_service text,
    ADD COLUMN item_kind text,
    ADD COLUMN item_id uuid;
