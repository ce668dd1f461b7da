-- name: add_events
INSERT INTO events (cluster_id, at, reason, message, subject, component, seconds, level, generation)
SELECT %(cluster_id)s, e.at, e.reason, e.message, e.subject, e.component, e.seconds, e.level, e.generation
FROM jsonb_to_recordset(%(events)s) AS e (
    at timestamptz, reason text, message text, subject text, component text, seconds float8, level text,
    generation bigint)
WHERE EXISTS (SELECT 1 FROM clusters WHERE id = %(cluster_id)s)
RETURNING id;

-- name: trim_events
DELETE FROM events WHERE cluster_id = %(cluster_id)s AND id <= (
    SELECT id FROM events WHERE cluster_id = %(cluster_id)s ORDER BY id DESC OFFSET %(keep)s LIMIT 1);

-- name: events
SELECT id, at, reason, message, subject, component, seconds, level, generation FROM events
WHERE cluster_id = %(cluster_id)s AND id > %(marker)s ORDER BY id LIMIT %(limit)s;

-- name: events_for
SELECT id, at, reason, message, subject, component, seconds, level, generation FROM events
WHERE cluster_id = %(cluster_id)s AND reason = ANY(%(reasons)s) ORDER BY id;

-- name: sealed
SELECT content FROM secrets WHERE cluster_id = %(cluster_id)s AND name = %(name)s;

-- name: seal
INSERT INTO secrets (cluster_id, name, content) VALUES (%(cluster_id)s, %(name)s, %(content)s)
ON CONFLICT (cluster_id, name) DO NOTHING;

-- name: sealed_secrets
SELECT cluster_id, name, content FROM secrets WHERE (cluster_id, name) > (%(cluster_id)s, %(name)s)
ORDER BY cluster_id, name LIMIT %(limit)s;

-- name: exchange_secret
UPDATE secrets SET content = %(content)s
WHERE cluster_id = %(cluster_id)s AND name = %(name)s AND content = %(before)s RETURNING name;

-- name: add_secret
INSERT INTO secrets (cluster_id, name, content)
SELECT id, %(name)s, %(content)s FROM clusters WHERE id = %(cluster_id)s
ON CONFLICT (cluster_id, name) DO NOTHING;

-- name: offer
SELECT content FROM offers WHERE region = %(region)s;

-- name: write_offer
INSERT INTO offers (region, content) VALUES (%(region)s, %(content)s)
ON CONFLICT (region) DO UPDATE SET content = excluded.content;

-- name: quota
SELECT content FROM quotas WHERE region = %(region)s AND project_id = %(project_id)s AND read_at > %(newer_than)s;

-- name: want_quota
INSERT INTO quotas (region, project_id, wanted_at) VALUES (%(region)s, %(project_id)s, now())
ON CONFLICT (region, project_id) DO UPDATE SET wanted_at = now();

-- name: drop_old_quotas
-- A project that still asks gets a row again; one that is gone does not.
DELETE FROM quotas WHERE (region, project_id) IN (
    SELECT region, project_id FROM quotas
    WHERE coalesce(greatest(read_at, wanted_at), '-infinity') < now() - interval '1 day' FOR UPDATE SKIP LOCKED);

-- name: take_wanted_quotas
-- A request waits a few seconds only: what was wanted before that is wanted no more.
UPDATE quotas SET wanted_at = NULL WHERE region = %(region)s AND project_id IN (
    SELECT project_id FROM quotas WHERE region = %(region)s AND wanted_at > now() - interval '30 seconds' FOR UPDATE SKIP LOCKED)
RETURNING project_id;

-- name: write_quota
INSERT INTO quotas (region, project_id, content, read_at) VALUES (%(region)s, %(project_id)s, %(content)s, %(read_at)s)
ON CONFLICT (region, project_id) DO UPDATE SET content = excluded.content, read_at = excluded.read_at, wanted_at = NULL;

-- name: notify
SELECT pg_notify(%(channel)s, %(payload)s);
