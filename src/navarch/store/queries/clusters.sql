-- name: create_cluster
INSERT INTO clusters (id, project_id, region, name, labels, spec, created_at, created_by, request_id, status)
VALUES (%(id)s, %(project_id)s, %(region)s, %(name)s, %(labels)s, %(spec)s, %(created_at)s, %(created_by)s, %(request_id)s, %(status)s);

-- name: add_node_group
INSERT INTO node_groups (cluster_id, name, spec) VALUES (%(cluster_id)s, %(name)s, %(spec)s)
RETURNING name, spec, generation, deletion_requested_at;

-- name: remember_key
-- Waits for a concurrent request with the same key; afterwards exactly one of the two has a row here.
INSERT INTO idempotency_keys (project_id, key, body_digest, cluster_id)
VALUES (%(project_id)s, %(key)s, %(body_digest)s, %(cluster_id)s)
ON CONFLICT (project_id, key) DO NOTHING RETURNING cluster_id;

-- name: remembered_key
SELECT cluster_id, body_digest FROM idempotency_keys
WHERE project_id = %(project_id)s AND key = %(key)s AND created_at >= now() - interval '24 hours';

-- name: forget_old_keys
DELETE FROM idempotency_keys WHERE created_at < now() - interval '24 hours';

-- name: cluster_by_id
-- Columns are named, here and everywhere: a prepared `SELECT *` fails once a newer version has added one.
SELECT c.id, c.project_id, c.region, c.name, c.labels, c.spec::text, c.generation, c.created_at, c.updated_at,
       c.deletion_requested_at, c.keep_volumes, c.created_by, c.request_id, c.status::text, c.objects::text, c.token, c.attempts, c.change,
       g.node_groups::text,
       EXISTS (SELECT 1 FROM pauses WHERE project_id = '') OR c.project_id IN (SELECT project_id FROM pauses) AS paused
FROM clusters c, LATERAL (
    SELECT coalesce(jsonb_agg(jsonb_build_object('name', n.name, 'spec', n.spec, 'generation', n.generation,
               'deletion_requested_at', n.deletion_requested_at) ORDER BY n.ordinal), '[]') AS node_groups
    FROM node_groups n WHERE n.cluster_id = c.id) g
WHERE c.id = %(id)s AND (%(project_id)s::text IS NULL OR c.project_id = %(project_id)s);

-- name: cluster_by_reference
-- Its id goes before a name. Several may carry the name while older ones are being deleted: the living one, else the
-- youngest.
SELECT c.id, c.project_id, c.region, c.name, c.labels, c.spec::text, c.generation, c.created_at, c.updated_at,
       c.deletion_requested_at, c.keep_volumes, c.created_by, c.request_id, c.status::text, c.objects::text, c.token, c.attempts, c.change,
       g.node_groups::text,
       EXISTS (SELECT 1 FROM pauses WHERE project_id = '') OR c.project_id IN (SELECT project_id FROM pauses) AS paused
FROM clusters c, LATERAL (
    SELECT coalesce(jsonb_agg(jsonb_build_object('name', n.name, 'spec', n.spec, 'generation', n.generation,
               'deletion_requested_at', n.deletion_requested_at) ORDER BY n.ordinal), '[]') AS node_groups
    FROM node_groups n WHERE n.cluster_id = c.id) g
WHERE c.project_id = %(project_id)s AND (c.id = %(reference)s OR c.name = %(reference)s)
ORDER BY c.id <> %(reference)s, c.deletion_requested_at IS NOT NULL, c.ordinal DESC LIMIT 1;

-- name: clusters
SELECT c.id, c.project_id, c.region, c.name, c.labels, c.spec::text, c.generation, c.created_at, c.updated_at,
       c.deletion_requested_at, c.keep_volumes, c.created_by, c.request_id, c.status::text, c.objects::text, c.token, c.attempts, c.change,
       g.node_groups::text,
       EXISTS (SELECT 1 FROM pauses WHERE project_id = '') OR c.project_id IN (SELECT project_id FROM pauses) AS paused
FROM clusters c, LATERAL (
    SELECT coalesce(jsonb_agg(jsonb_build_object('name', n.name, 'spec', n.spec, 'generation', n.generation,
               'deletion_requested_at', n.deletion_requested_at) ORDER BY n.ordinal), '[]') AS node_groups
    FROM node_groups n WHERE n.cluster_id = c.id) g
WHERE (%(project_id)s::text IS NULL OR c.project_id = %(project_id)s)
  AND (%(name)s::text IS NULL OR c.name = %(name)s)
  AND c.labels @> %(labels)s
  AND c.ordinal > %(after)s AND c.change > %(changed_after)s
ORDER BY c.ordinal LIMIT %(limit)s;

-- name: cluster_ordinal
SELECT ordinal FROM clusters WHERE id = %(id)s AND (%(project_id)s::text IS NULL OR project_id = %(project_id)s);

-- name: change_cluster
UPDATE clusters
SET spec = %(spec)s, labels = %(labels)s, request_id = %(request_id)s, generation = generation + 1, updated_at = now(),
    next_look_at = now(), stirred = true
WHERE id = %(id)s AND generation = %(generation)s
RETURNING id;

-- name: generation
SELECT generation FROM clusters WHERE id = %(id)s;

-- name: begin_create
-- Creates in one project go one after the other, so that they can be counted. Held until the transaction ends.
SELECT pg_advisory_xact_lock(hashtextextended('navarch create ' || %(project_id)s, 0));

-- name: room_for
-- The name is free as soon as its cluster is to go.
SELECT count(*) AS count, coalesce(bool_or(name = %(name)s AND deletion_requested_at IS NULL), false) AS taken
FROM clusters WHERE project_id = %(project_id)s;

-- name: request_deletion
-- The generation grows, so that a change made from an older reading is refused.
UPDATE clusters
SET deletion_requested_at = %(at)s, keep_volumes = %(keep_volumes)s, generation = generation + 1, updated_at = now(),
    next_look_at = now(), stirred = true, request_id = coalesce(%(request_id)s, request_id)
WHERE id = %(id)s AND deletion_requested_at IS NULL
  AND (%(generation)s::bigint IS NULL OR generation = %(generation)s);

-- name: stir
UPDATE clusters SET next_look_at = now(), stirred = true, request_id = coalesce(%(request_id)s, request_id)
WHERE id = %(id)s RETURNING id;

-- name: change_node_group
UPDATE node_groups SET spec = %(spec)s, generation = generation + 1
WHERE cluster_id = %(cluster_id)s AND name = %(name)s AND generation = %(generation)s
RETURNING name, spec, generation, deletion_requested_at;

-- name: node_group
SELECT name, spec, generation, deletion_requested_at FROM node_groups
WHERE cluster_id = %(cluster_id)s AND name = %(name)s;

-- name: request_node_group_deletion
UPDATE node_groups SET deletion_requested_at = %(at)s, generation = generation + 1
WHERE cluster_id = %(cluster_id)s AND name = %(name)s AND deletion_requested_at IS NULL
  AND (%(generation)s::bigint IS NULL OR generation = %(generation)s);
