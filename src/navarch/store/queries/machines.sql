-- name: machines
SELECT m.name, m.role, m.node_group, m.serial, m.zone, m.created_at, m.joined, m.removing, m.removed, m.facts,
       coalesce((SELECT jsonb_agg(jsonb_build_object('phase', r.phase, 'state', r.state, 'at', r.at,
                     'seconds', r.seconds, 'log', r.log) ORDER BY r.ordinal)
                 FROM phase_reports r WHERE r.cluster_id = m.cluster_id AND r.machine = m.name), '[]') AS phases
FROM machines m
WHERE m.cluster_id = %(cluster_id)s AND (%(removed)s OR NOT m.removed) AND (%(name)s::text IS NULL OR m.name = %(name)s)
ORDER BY m.ordinal;

-- name: forget_reports_of_removed
DELETE FROM phase_reports r USING machines m
WHERE r.cluster_id = %(cluster_id)s AND r.machine = %(name)s
  AND m.cluster_id = r.cluster_id AND m.name = r.machine AND m.removed;

-- name: record_machine
INSERT INTO machines (cluster_id, name, role, node_group, serial, zone, created_at, facts)
VALUES (%(cluster_id)s, %(name)s, %(role)s, %(node_group)s, %(serial)s, %(zone)s, %(created_at)s, %(facts)s)
ON CONFLICT (cluster_id, name) DO UPDATE
SET ordinal = excluded.ordinal, zone = excluded.zone, created_at = excluded.created_at, facts = excluded.facts,
    joined = false, removing = false, removed = false
WHERE machines.removed;

-- name: release_machine
UPDATE machines SET removing = true WHERE cluster_id = %(cluster_id)s AND name = %(name)s;

-- name: forget_machine
UPDATE machines SET removing = true, removed = true WHERE cluster_id = %(cluster_id)s AND name = %(name)s;

-- name: void_tickets
UPDATE tickets SET void = true WHERE cluster_id = %(cluster_id)s AND machine = %(name)s AND NOT void;

-- name: forget_old_tickets
DELETE FROM tickets WHERE cluster_id = %(cluster_id)s AND void AND expires_at < now() - interval '1 day';

-- name: add_ticket
INSERT INTO tickets (digest, cluster_id, machine, expires_at)
VALUES (%(digest)s, %(cluster_id)s, %(machine)s, %(expires_at)s);

-- name: note_facts
UPDATE machines SET facts = %(facts)s WHERE cluster_id = %(cluster_id)s AND name = %(name)s RETURNING name;

-- name: ticket
SELECT t.cluster_id, t.machine, t.expires_at, t.nonce_digest, t.void OR m.removed AS void
FROM tickets t JOIN machines m ON m.cluster_id = t.cluster_id AND m.name = t.machine
WHERE t.digest = %(digest)s FOR UPDATE OF t;

-- name: bind_ticket
UPDATE tickets SET nonce_digest = %(nonce_digest)s, used_at = %(now)s WHERE digest = %(digest)s;

-- name: add_report
-- Reports may overtake each other on the way: the newest by the machine's own clock stays.
INSERT INTO phase_reports (cluster_id, machine, phase, state, at, seconds, log)
VALUES (%(cluster_id)s, %(machine)s, %(phase)s, %(state)s, %(at)s, %(seconds)s, %(log)s)
ON CONFLICT (cluster_id, machine, phase) DO UPDATE
SET state = excluded.state, at = excluded.at, seconds = excluded.seconds, log = excluded.log
WHERE excluded.at >= phase_reports.at;

-- name: machine_joined
UPDATE machines SET joined = true WHERE cluster_id = %(cluster_id)s AND name = %(name)s AND NOT joined;

-- name: living_machine
SELECT name FROM machines WHERE cluster_id = %(cluster_id)s AND name = %(name)s AND NOT removed;
