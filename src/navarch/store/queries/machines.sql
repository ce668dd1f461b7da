-- name: machines
SELECT m.name, m.role, m.node_group, m.serial, m.zone, m.created_at, m.joined, m.removing, m.removed, m.removing_at,
       m.departure, m.kept_at, m.template, m.facts,
       coalesce((SELECT jsonb_agg(jsonb_build_object('step', r.phase, 'state', r.state, 'at', r.at,
                     'seconds', r.seconds, 'log', r.log) ORDER BY r.ordinal)
                 FROM phase_reports r WHERE r.cluster_id = m.cluster_id AND r.machine = m.name), '[]') AS boot
FROM machines m
WHERE m.cluster_id = %(cluster_id)s AND (%(removed)s OR NOT m.removed) AND (%(name)s::text IS NULL OR m.name = %(name)s)
ORDER BY m.ordinal;

-- name: forget_reports_of_removed
DELETE FROM phase_reports r USING machines m
WHERE r.cluster_id = %(cluster_id)s AND r.machine = %(name)s
  AND m.cluster_id = r.cluster_id AND m.name = r.machine AND m.removed;

-- name: record_machine
INSERT INTO machines (cluster_id, name, role, node_group, serial, zone, created_at, template, facts)
VALUES (%(cluster_id)s, %(name)s, %(role)s, %(node_group)s, %(serial)s, %(zone)s, %(created_at)s, %(template)s, %(facts)s)
ON CONFLICT (cluster_id, name) DO UPDATE
SET ordinal = excluded.ordinal, zone = excluded.zone, created_at = excluded.created_at,
    template = excluded.template, facts = excluded.facts,
    joined = false, removing = false, removed = false, removed_at = NULL, removing_at = NULL, departure = NULL,
    kept_at = NULL
WHERE machines.removed;

-- name: staying_machines
SELECT name FROM machines WHERE cluster_id = %(cluster_id)s AND NOT removing AND NOT removed;

-- name: release_machine
UPDATE machines SET removing = true, removing_at = %(at)s, departure = %(departure)s
WHERE cluster_id = %(cluster_id)s AND name = %(name)s AND NOT removing AND NOT removed;

-- name: replace_machine
-- It is not to go yet: when, is the plan's to decide, which then says what for.
UPDATE machines SET departure = %(departure)s
WHERE cluster_id = %(cluster_id)s AND name = %(name)s AND NOT removing AND NOT removed AND departure IS NULL;

-- name: keep_machine
UPDATE machines SET kept_at = %(at)s WHERE cluster_id = %(cluster_id)s AND name = %(name)s AND kept_at IS NULL;

-- name: note_template
UPDATE machines SET template = %(template)s WHERE cluster_id = %(cluster_id)s AND name = %(name)s;

-- name: forget_machine
UPDATE machines SET removing = true, removed = true, removed_at = coalesce(removed_at, now())
WHERE cluster_id = %(cluster_id)s AND name = %(name)s;

-- name: drop_old_machines
-- The highest number of a node group stays, however long ago its machine went: the next machine's is one higher.
-- What another transaction holds is dropped the next time, so that two never wait for each other.
WITH gone AS (
    SELECT name, node_group, row_number() OVER (ORDER BY removed_at DESC NULLS LAST, ordinal DESC) AS place,
           row_number() OVER (PARTITION BY role, node_group ORDER BY serial DESC) = 1 AS highest
    FROM machines WHERE cluster_id = %(cluster_id)s AND removed
), old AS (
    SELECT m.name FROM machines m JOIN gone ON gone.name = m.name
    WHERE m.cluster_id = %(cluster_id)s AND place > %(keep)s AND NOT (highest AND EXISTS (
        SELECT 1 FROM node_groups n WHERE n.cluster_id = %(cluster_id)s AND n.name = gone.node_group))
    FOR UPDATE OF m SKIP LOCKED
)
DELETE FROM machines WHERE cluster_id = %(cluster_id)s AND name IN (SELECT name FROM old);

-- name: void_tickets
UPDATE tickets SET void = true WHERE cluster_id = %(cluster_id)s AND machine = %(name)s AND NOT void;

-- name: drop_old_tickets
-- Those that nobody can use any more: void, or expired unused. For a while they still say why they are refused.
DELETE FROM tickets WHERE digest IN (
    SELECT digest FROM tickets
    WHERE cluster_id = %(cluster_id)s AND (void OR nonce_digest IS NULL) AND expires_at < now() - interval '1 hour'
    FOR UPDATE SKIP LOCKED);

-- name: add_ticket
INSERT INTO tickets (digest, cluster_id, machine, expires_at)
VALUES (%(digest)s, %(cluster_id)s, %(machine)s, %(expires_at)s);

-- name: note_facts
UPDATE machines SET facts = %(facts)s WHERE cluster_id = %(cluster_id)s AND name = %(name)s RETURNING name;

-- name: ticket
SELECT t.cluster_id, t.machine, t.expires_at, t.nonce_digest, t.used_at, t.void OR m.removed AS void
FROM tickets t JOIN machines m ON m.cluster_id = t.cluster_id AND m.name = t.machine
WHERE t.digest = %(digest)s;

-- name: bind_ticket
-- Of two that ask at once the first has it: the other waits for the row, and then sees whose it is.
UPDATE tickets SET nonce_digest = %(nonce_digest)s, used_at = %(now)s
WHERE digest = %(digest)s AND NOT void AND (nonce_digest IS NULL OR nonce_digest = %(nonce_digest)s)
RETURNING digest;

-- name: add_report
-- All in one: most of what machines say costs one way there and back. Reports may overtake each other on the way: the
-- newest by the machine's own clock stays.
WITH machine AS (
    SELECT cluster_id, name FROM machines WHERE cluster_id = %(cluster_id)s AND name = %(machine)s AND NOT removed
), others AS (
    SELECT count(*) AS count FROM phase_reports
    WHERE cluster_id = %(cluster_id)s AND machine = %(machine)s AND phase <> %(phase)s
), added AS (
    INSERT INTO phase_reports (cluster_id, machine, phase, state, at, seconds, log)
    SELECT m.cluster_id, m.name, %(phase)s, %(state)s, %(at)s, %(seconds)s, %(log)s
    FROM machine m, others o WHERE o.count < %(most)s
    ON CONFLICT (cluster_id, machine, phase) DO UPDATE
    SET state = excluded.state, at = excluded.at, seconds = excluded.seconds, log = excluded.log
    WHERE excluded.at >= phase_reports.at
)
SELECT EXISTS (SELECT 1 FROM machine) AS there, (SELECT count FROM others) AS others;

-- name: machine_joined
UPDATE machines SET joined = true WHERE cluster_id = %(cluster_id)s AND name = %(name)s AND NOT joined;
