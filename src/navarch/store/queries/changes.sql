-- name: last_change
SELECT CASE WHEN is_called THEN last_value ELSE 0 END AS change FROM changes;

-- name: changes
-- Of clusters that are there, of those that are gone, of the machines of some, and of the timelines of some.
SELECT 'cluster' AS kind, id AS cluster_id, project_id, '' AS machine, 0 AS event, change FROM clusters
WHERE change > %(after)s
UNION ALL
SELECT 'gone', cluster_id, project_id, '', 0, change FROM gone_clusters WHERE change > %(after)s
UNION ALL
SELECT 'machine', cluster_id, '', name, 0, change FROM machines
WHERE change > %(after)s AND cluster_id = ANY(%(with_machines)s::text[])
UNION ALL
SELECT 'machine', cluster_id, '', machine, 0, change FROM phase_reports
WHERE change > %(after)s AND cluster_id = ANY(%(with_machines)s::text[])
UNION ALL
SELECT 'event', e.cluster_id, c.project_id, '', e.id, e.change FROM events e JOIN clusters c ON c.id = e.cluster_id
WHERE e.change > %(after)s AND (%(with_events)s::text[] IS NULL OR c.project_id = ANY(%(with_events)s::text[]))
ORDER BY change;

-- name: clusters_by_id
SELECT {cluster_columns}
FROM clusters c, {its_node_groups}
WHERE c.id = ANY(%(ids)s::text[]);

-- name: events_by_id
SELECT {event_columns}, e.cluster_id, c.project_id, e.change FROM events e JOIN clusters c ON c.id = e.cluster_id
WHERE e.id = ANY(%(ids)s::bigint[]) ORDER BY e.id;

-- name: events_changed
SELECT {event_columns}, e.cluster_id, c.project_id, e.change FROM events e JOIN clusters c ON c.id = e.cluster_id
WHERE e.change > %(after)s AND (%(project_id)s::text IS NULL OR c.project_id = %(project_id)s)
  AND (%(cluster_id)s::text IS NULL OR e.cluster_id = %(cluster_id)s)
ORDER BY e.change LIMIT %(limit)s;

-- part: event_columns
e.id, e.at, e.reason, e.message, e.subject, e.component, e.seconds, e.level, e.generation

-- name: clusters_gone
SELECT cluster_id, project_id, change FROM gone_clusters
WHERE change > %(after)s AND (%(project_id)s::text IS NULL OR project_id = %(project_id)s);

-- name: first_gone
SELECT min(change) AS change FROM gone_clusters;

-- name: drop_old_gone
-- But for the newest of them: what is younger than that one is known to be complete.
DELETE FROM gone_clusters WHERE change IN (
    SELECT change FROM gone_clusters WHERE gone_at < now() - interval '1 day' ORDER BY change DESC OFFSET 1
    FOR UPDATE SKIP LOCKED);

-- name: machines_by_change
-- With what they reported; the number is that of the machine or of its newest report.
SELECT m.cluster_id, m.name, m.role, m.node_group, m.serial, m.zone, m.created_at, m.joined, m.removing, m.removed,
       m.removing_at, m.departure, m.kept_at,
       m.template, m.facts, r.boot, greatest(m.change, r.change) AS change
FROM machines m, LATERAL (
    SELECT coalesce(jsonb_agg(jsonb_build_object('step', p.phase, 'state', p.state, 'at', p.at,
               'seconds', p.seconds, 'log', p.log) ORDER BY p.ordinal), '[]') AS boot, coalesce(max(p.change), 0) AS change
    FROM phase_reports p WHERE p.cluster_id = m.cluster_id AND p.machine = m.name) r
WHERE m.cluster_id = ANY(%(cluster_ids)s::text[]) AND (%(names)s::text[] IS NULL OR m.name = ANY(%(names)s))
  AND (%(removed)s OR NOT m.removed)
ORDER BY m.cluster_id, m.ordinal;
