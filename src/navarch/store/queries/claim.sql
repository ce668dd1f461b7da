-- name: claim
-- One statement takes the row. NO KEY: rows that refer to the cluster may be written meanwhile. A project in trouble must
-- not hold up its neighbours: whose clusters fewer workers are busy with goes first. In a project, what failed again and
-- again lets others go first, by a minute at most.
WITH held AS (
    SELECT project_id, count(*) AS clusters FROM clusters
    WHERE lease_until IS NOT NULL AND lease_until > now()
    GROUP BY project_id
), due AS (
    SELECT c.id, c.lease_holder, c.stirred FROM clusters c LEFT JOIN held USING (project_id)
    WHERE c.region = %(region)s AND c.due_at <= now()
      AND NOT EXISTS (SELECT 1 FROM pauses WHERE project_id = '')
      AND c.project_id NOT IN (SELECT project_id FROM pauses)
    ORDER BY coalesce(held.clusters, 0), c.due_at + least(c.attempts, 6) * interval '10 seconds', c.ordinal
    LIMIT 1
    FOR NO KEY UPDATE OF c SKIP LOCKED
)
UPDATE clusters c
SET token = token + 1, lease_holder = %(worker)s, lease_until = now() + make_interval(secs => %(lease)s), stirred = false
FROM due WHERE c.id = due.id
RETURNING c.id, due.lease_holder IS NOT NULL AS abandoned, due.stirred, now() AS at;

-- name: claim_one
WITH due AS (
    SELECT id, lease_holder, stirred FROM clusters
    WHERE id = %(id)s AND (lease_until IS NULL OR lease_until <= now())
    FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE clusters c
SET token = token + 1, lease_holder = %(worker)s, lease_until = now() + make_interval(secs => %(lease)s), stirred = false
FROM due WHERE c.id = due.id
RETURNING c.id, due.lease_holder IS NOT NULL AS abandoned, due.stirred, now() AS at;

-- name: renew
UPDATE clusters SET lease_until = now() + make_interval(secs => %(lease)s)
WHERE id = %(id)s AND token = %(token)s AND lease_until IS NOT NULL
RETURNING id;

-- name: hold
-- Keeps the row from being claimed by another until the transaction ends; writes of the same holder go side by side.
SELECT id FROM clusters WHERE id = %(id)s AND token = %(token)s AND lease_until IS NOT NULL FOR SHARE;

-- name: hold_alone
-- The same for a write that changes the cluster's own row in the end: two that share it would wait for each other.
SELECT id FROM clusters WHERE id = %(id)s AND token = %(token)s AND lease_until IS NOT NULL FOR NO KEY UPDATE;

-- name: record
UPDATE clusters
SET status = %(status)s, objects = coalesce(%(objects)s, objects), attempts = %(attempts)s, lease_holder = NULL, lease_until = NULL,
    next_look_at = CASE WHEN stirred THEN now() ELSE now() + make_interval(secs => %(after)s) END
WHERE id = %(id)s AND token = %(token)s AND lease_until IS NOT NULL
RETURNING stirred;

-- name: note_objects
UPDATE clusters SET objects = %(objects)s WHERE id = %(id)s;

-- name: forget
DELETE FROM clusters WHERE id = %(id)s AND token = %(token)s AND lease_until IS NOT NULL RETURNING id;

-- name: forget_node_group
DELETE FROM node_groups WHERE cluster_id = %(cluster_id)s AND name = %(name)s AND deletion_requested_at IS NOT NULL;

-- name: next_due
-- Without what is paused, else an idle worker would ask again and again for what it does not get.
SELECT extract(epoch FROM due_at - now())::float8 AS seconds FROM clusters
WHERE region = %(region)s AND NOT EXISTS (SELECT 1 FROM pauses WHERE project_id = '')
  AND project_id NOT IN (SELECT project_id FROM pauses)
ORDER BY due_at LIMIT 1;

-- name: adopt_clusters
UPDATE clusters SET region = %(region)s WHERE region = '';
