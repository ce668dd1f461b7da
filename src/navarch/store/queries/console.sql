-- name: keep_console_session
INSERT INTO console_sessions (key, sealed, user_id, ends_at)
VALUES (%(key)s, %(sealed)s, %(user_id)s, %(ends_at)s);

-- name: console_session
SELECT sealed FROM console_sessions WHERE key = %(key)s AND ends_at > now();

-- name: end_console_session
DELETE FROM console_sessions WHERE key = %(key)s;

-- name: end_console_sessions_of_user
DELETE FROM console_sessions WHERE user_id = %(user_id)s;

-- name: forget_ended_console_sessions
DELETE FROM console_sessions WHERE ends_at <= now();
