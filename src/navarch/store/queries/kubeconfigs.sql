-- part: kubeconfig_columns
id, user_id, user_name, groups, issued_at, expires_at, revoked_at, revoked_by, refused_at

-- name: drop_ended_kubeconfigs
DELETE FROM kubeconfigs WHERE cluster_id = %(cluster_id)s AND expires_at <= %(now)s;

-- name: count_kubeconfigs
SELECT count(*) AS count FROM kubeconfigs WHERE cluster_id = %(cluster_id)s;

-- name: add_kubeconfig
INSERT INTO kubeconfigs (cluster_id, id, user_id, user_name, groups, issued_at, expires_at)
SELECT c.id, %(id)s, %(user_id)s, %(user_name)s, %(groups)s, %(issued_at)s, %(expires_at)s
FROM clusters c WHERE c.id = %(cluster_id)s
RETURNING id;

-- name: kubeconfigs
SELECT {kubeconfig_columns} FROM kubeconfigs
WHERE cluster_id = %(cluster_id)s AND expires_at > %(now)s ORDER BY issued_at, id;

-- name: kubeconfig
SELECT {kubeconfig_columns} FROM kubeconfigs
WHERE cluster_id = %(cluster_id)s AND id = %(id)s AND expires_at > %(now)s;

-- name: revoke_kubeconfig
UPDATE kubeconfigs SET revoked_at = %(now)s, revoked_by = %(by)s
WHERE cluster_id = %(cluster_id)s AND id = %(id)s AND expires_at > %(now)s AND revoked_at IS NULL
RETURNING {kubeconfig_columns};

-- part: its_revoked_kubeconfigs
-- Of the cluster `c`, in the order of their revocation.
SELECT k.id FROM kubeconfigs k
WHERE k.cluster_id = c.id AND k.revoked_at IS NOT NULL AND k.expires_at > now() ORDER BY k.revoked_at, k.id

-- part: its_revoking_kubeconfigs
-- Those of them that it was not seen to refuse.
SELECT k.id FROM kubeconfigs k
WHERE k.cluster_id = c.id AND k.revoked_at IS NOT NULL AND k.refused_at IS NULL AND k.expires_at > now()

-- name: note_refused_kubeconfigs
UPDATE kubeconfigs SET refused_at = %(at)s
WHERE cluster_id = %(cluster_id)s AND id = ANY(%(ids)s) AND revoked_at IS NOT NULL AND refused_at IS NULL;
