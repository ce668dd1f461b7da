-- Stop every process first: offers and quotas are a region's, and their tables get another key.
-- Clusters of before are of the one region that there was: a worker says which, when it starts (the empty text until then).
ALTER TABLE clusters ADD COLUMN region text NOT NULL DEFAULT '';
CREATE INDEX clusters_due_in_region ON clusters (region, due_at);

DROP TABLE catalogue;  -- each worker reads it anew when it starts
CREATE TABLE offers (
    region   text PRIMARY KEY CHECK (region <> ''),
    content  jsonb NOT NULL CHECK (jsonb_typeof(content) = 'object')
);

DELETE FROM quotas;  -- read anew for who asks
ALTER TABLE quotas DROP CONSTRAINT quotas_pkey;
ALTER TABLE quotas ADD COLUMN region text NOT NULL CHECK (region <> '');
ALTER TABLE quotas ADD PRIMARY KEY (region, project_id);
