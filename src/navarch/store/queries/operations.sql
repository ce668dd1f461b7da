-- name: pause
INSERT INTO pauses (project_id, reason, paused_by) VALUES (%(project_id)s, %(reason)s, %(paused_by)s)
ON CONFLICT (project_id) DO UPDATE SET reason = excluded.reason, paused_by = excluded.paused_by;

-- name: resume
DELETE FROM pauses WHERE project_id = %(project_id)s;

-- name: pauses
SELECT p.project_id, p.reason, p.paused_by, p.since,
       (SELECT count(*) FROM clusters c WHERE p.project_id IN ('', c.project_id))::int AS clusters
FROM pauses p ORDER BY p.project_id;

-- name: schedule
SELECT next_look_at, due_at, lease_holder, lease_until, attempts, now() AS now FROM clusters WHERE id = %(id)s;

-- name: latest_events
SELECT id, at, reason, message, subject, component, seconds, level, generation FROM events
WHERE cluster_id = %(cluster_id)s ORDER BY id DESC LIMIT %(limit)s;

-- name: queue
-- A cluster whose holder died is due since its lease ended. What is paused waits for nobody's worker.
SELECT count(*) FILTER (WHERE due)::int AS due,
       coalesce(extract(epoch FROM now() - min(due_at) FILTER (WHERE due)), 0)::float8 AS oldest,
       count(*) FILTER (WHERE lease_until > now())::int AS claimed
FROM (SELECT due_at, lease_until,
             due_at <= now() AND NOT EXISTS (SELECT 1 FROM pauses WHERE project_id = '')
             AND project_id NOT IN (SELECT project_id FROM pauses) AS due
      FROM clusters) every;

-- name: phases
SELECT coalesce(status ->> 'phase', 'Progressing') AS phase, count(*)::int AS clusters FROM clusters GROUP BY 1;

-- name: conditions
SELECT x ->> 'type' AS type, x ->> 'reason' AS reason, coalesce(x ->> 'responsible', '') AS responsible, count(*)::int AS clusters
FROM clusters, jsonb_array_elements(coalesce(status -> 'conditions', '[]')) x
WHERE x ->> 'status' <> 'True' GROUP BY 1, 2, 3;

-- name: spare
-- Of the node groups that keep room free: how many lack some of it, and how many places are wanted, there and coming.
SELECT count(*)::int AS groups, count(*) FILTER (WHERE ready < wanted)::int AS lacking,
       coalesce(sum(wanted), 0)::int AS wanted, coalesce(sum(ready), 0)::int AS ready, coalesce(sum(coming), 0)::int AS coming
FROM (SELECT (x #>> '{spare,replicas}')::int AS wanted, (x ->> 'ready')::int AS ready, (x ->> 'coming')::int AS coming
      FROM clusters, jsonb_array_elements(coalesce(status #> '{autoscaling,spare}', '[]')) x) every;

-- name: offer_read_at
SELECT (content ->> 'read_at')::timestamptz AS at FROM offers WHERE region = %(region)s;

-- name: server
SELECT current_setting('server_version_num')::int AS version,
       current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int AS connections,
       (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend')::int AS used,
       pg_is_in_recovery() AS standby, to_regclass('schema_migrations') IS NOT NULL AS migrated,
       clock_timestamp() AS now;

-- name: applied
SELECT name, digest FROM schema_migrations ORDER BY version;
