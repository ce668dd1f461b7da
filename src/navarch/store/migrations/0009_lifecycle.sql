-- Since when, and what for, a machine goes: of those that go already nobody wrote it down. Since when one that was given
-- up is kept for a look.
ALTER TABLE machines ADD COLUMN removing_at timestamptz;
ALTER TABLE machines ADD COLUMN departure text;
ALTER TABLE machines ADD COLUMN kept_at timestamptz;
