-- Which clusters are being worked on: asked for at each claim, and never more than all workers have threads.
CREATE INDEX clusters_held ON clusters (project_id) WHERE lease_until IS NOT NULL;
