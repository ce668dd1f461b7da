-- name: note_inventory
-- Locks the cluster's row first, as every write of its holder that changes it does. Where nothing is new, nothing is
-- written.
INSERT INTO inventories (cluster_id, seen_at, objects, unread, left_out)
SELECT id, %(seen_at)s, %(objects)s, %(unread)s, %(left_out)s FROM (
    SELECT id FROM clusters WHERE id = %(id)s AND token = %(token)s AND lease_until IS NOT NULL FOR NO KEY UPDATE) held
ON CONFLICT (cluster_id) DO UPDATE
SET seen_at = excluded.seen_at, objects = inventories.objects || excluded.objects, unread = excluded.unread,
    left_out = excluded.left_out
WHERE (inventories.seen_at, inventories.objects, inventories.unread, inventories.left_out)
      IS DISTINCT FROM (excluded.seen_at, inventories.objects || excluded.objects, excluded.unread, excluded.left_out);

-- name: inventory
SELECT seen_at, objects, unread, left_out, seen_at > now() - make_interval(secs => %(max_age)s) AS fresh FROM inventories
WHERE cluster_id = %(id)s;
