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
-- With what a worker needs of it.
SELECT {cluster_columns}, c.objects::text, c.token, c.attempts, c.credentials_requested_at, c.credentials_renewed_at,
       ARRAY({its_revoked_kubeconfigs}) AS revoked,
       ARRAY({its_revoking_kubeconfigs}) AS revoking,
       EXISTS (SELECT FROM chosen_addons a WHERE a.cluster_id = c.id) AS chooses
FROM clusters c, {its_node_groups}
WHERE c.id = %(id)s AND (%(project_id)s::text IS NULL OR c.project_id = %(project_id)s);

-- name: cluster_by_reference
-- Its id goes before a name. Several may carry the name while older ones are being deleted: the living one, else the
-- youngest.
SELECT {cluster_columns}
FROM clusters c, {its_node_groups}
WHERE c.project_id = %(project_id)s AND (c.id = %(reference)s OR c.name = %(reference)s)
ORDER BY c.id <> %(reference)s, c.deletion_requested_at IS NOT NULL, c.ordinal DESC LIMIT 1;

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
