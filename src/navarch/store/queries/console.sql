-- name: keep_console_session
INSERT INTO console_sessions (key, sealed, user_id, ends_at)
VALUES (%(key)s, %(sealed)s, %(user_id)s, %(ends_at)s);

-- name: console_session
SELECT s.sealed, coalesce(a.language, '') AS language, coalesce(a.theme, '') AS theme,
       coalesce(a.time_zone, '') AS time_zone, coalesce(a.shortcuts, '') AS shortcuts
FROM console_sessions s LEFT JOIN console_accounts a ON a.user_id = s.user_id
WHERE s.key = %(key)s AND s.ends_at > now();

-- name: keep_console_account
INSERT INTO console_accounts (user_id, language, theme, time_zone, shortcuts)
VALUES (%(user_id)s, %(language)s, %(theme)s, %(time_zone)s, %(shortcuts)s)
ON CONFLICT (user_id) DO UPDATE
SET language = excluded.language, theme = excluded.theme, time_zone = excluded.time_zone,
    shortcuts = excluded.shortcuts;

-- name: end_console_session
DELETE FROM console_sessions WHERE key = %(key)s;

-- name: end_console_sessions_of_user
DELETE FROM console_sessions WHERE user_id = %(user_id)s;

-- name: forget_ended_console_sessions
DELETE FROM console_sessions WHERE ends_at <= now();
