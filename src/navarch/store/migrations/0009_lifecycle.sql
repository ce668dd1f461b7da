-- Since when, and what for, a machine goes; since when one that was given up is kept for a look.
ALTER TABLE machines
    ADD COLUMN removing_at timestamptz,
    ADD COLUMN departure   text,
    ADD COLUMN kept_at     timestamptz;
UPDATE machines SET removing_at = now() WHERE removing AND NOT removed;
