-- When a cluster is next to be claimed, in one indexed column: asked for by every idle worker again and again.
ALTER TABLE clusters
    ADD COLUMN due_at timestamptz NOT NULL GENERATED ALWAYS AS (greatest(next_look_at, lease_until)) STORED;
CREATE INDEX clusters_due_at ON clusters (due_at);
DROP INDEX clusters_due;
