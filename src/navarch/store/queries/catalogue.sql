-- name: catalogue_cards
SELECT name, version, card::text, schema::text, digest FROM catalogue_entries
WHERE %(name)s::text IS NULL OR name = %(name)s
ORDER BY name, version;

-- name: catalogue_chart
SELECT chart FROM catalogue_entries WHERE name = %(name)s AND version = %(version)s;

-- name: add_entry
-- A version that is there is not changed: clusters have it.
INSERT INTO catalogue_entries (name, version, card, schema, digest, chart)
VALUES (%(name)s, %(version)s, %(card)s, %(schema)s, %(digest)s, %(chart)s)
ON CONFLICT (name, version) DO NOTHING RETURNING name;

-- name: entry_users
SELECT count(*) AS clusters FROM chosen_addons WHERE entry = %(name)s AND version = %(version)s;

-- name: remove_entry
DELETE FROM catalogue_entries WHERE name = %(name)s AND version = %(version)s RETURNING name;

-- part: chosen_columns
a.name, a.entry, a.version, a.namespace, a.generation, a.created_at, a.deletion_requested_at, a.with_data,
a.no_hooks, a.test_requested_at, a.status::text, e.digest, coalesce(e.card -> 'terms', '{}')::text AS terms

-- name: chosen
SELECT {chosen_columns} FROM chosen_addons a
JOIN catalogue_entries e ON e.name = a.entry AND e.version = a.version
WHERE a.cluster_id = %(cluster_id)s ORDER BY a.name;

-- name: chosen_values
SELECT s.name, s.content FROM chosen_addons a
JOIN secrets s ON s.cluster_id = a.cluster_id AND s.name = 'addon/' || a.name
WHERE a.cluster_id = %(cluster_id)s;

-- name: choose
INSERT INTO chosen_addons (cluster_id, name, entry, version, namespace)
VALUES (%(cluster_id)s, %(name)s, %(entry)s, %(version)s, %(namespace)s)
ON CONFLICT (cluster_id, name) DO NOTHING RETURNING name;

-- name: change_chosen
UPDATE chosen_addons SET version = %(version)s, generation = generation + 1
WHERE cluster_id = %(cluster_id)s AND name = %(name)s AND generation = %(generation)s
  AND deletion_requested_at IS NULL
RETURNING name;

-- name: request_chosen_removal
-- Asked again, only that hooks are left out is new.
UPDATE chosen_addons SET
  deletion_requested_at = coalesce(deletion_requested_at, %(at)s),
  with_data = CASE WHEN deletion_requested_at IS NULL THEN %(with_data)s ELSE with_data END,
  no_hooks = no_hooks OR %(no_hooks)s,
  generation = generation + 1
WHERE cluster_id = %(cluster_id)s AND name = %(name)s
  AND (deletion_requested_at IS NULL OR (%(no_hooks)s AND NOT no_hooks))
RETURNING name;

-- name: request_chosen_test
UPDATE chosen_addons SET test_requested_at = %(at)s
WHERE cluster_id = %(cluster_id)s AND name = %(name)s AND deletion_requested_at IS NULL
RETURNING name;

-- name: note_chosen
UPDATE chosen_addons SET status = %(status)s
WHERE cluster_id = %(cluster_id)s AND name = %(name)s AND status IS DISTINCT FROM %(status)s::jsonb;

-- name: forget_chosen
DELETE FROM chosen_addons
WHERE cluster_id = %(cluster_id)s AND name = %(name)s AND deletion_requested_at IS NOT NULL;

-- name: put_secret
INSERT INTO secrets (cluster_id, name, content) VALUES (%(cluster_id)s, %(name)s, %(content)s)
ON CONFLICT (cluster_id, name) DO UPDATE SET content = excluded.content;

-- name: drop_secret
DELETE FROM secrets WHERE cluster_id = %(cluster_id)s AND name = %(name)s;
