-- name: credentials
SELECT credentials_requested_at, credentials_renewed_at FROM clusters WHERE id = %(id)s;

-- name: request_credentials
-- Whoever asks while they are being replaced gets those.
UPDATE clusters SET credentials_requested_at = %(at)s WHERE id = %(id)s AND credentials_requested_at IS NULL RETURNING id;

-- name: note_renewed_credentials
UPDATE clusters SET credentials_requested_at = NULL, credentials_renewed_at = %(at)s WHERE id = %(id)s;

-- name: replace_secret
INSERT INTO secrets (cluster_id, name, content) VALUES (%(cluster_id)s, %(name)s, %(content)s)
ON CONFLICT (cluster_id, name) DO UPDATE SET content = excluded.content;
