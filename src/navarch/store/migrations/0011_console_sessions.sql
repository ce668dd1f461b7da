-- Who is signed in at the console. `key` is a digest of what the browser holds, so that a copy of this table opens
-- nothing; tokens are sealed under the console's own key.
CREATE TABLE console_sessions (
    key         bytea PRIMARY KEY CHECK (octet_length(key) = 32),
    sealed      bytea NOT NULL,
    user_id     text NOT NULL,
    ends_at     timestamptz NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX console_sessions_ended ON console_sessions (ends_at);
CREATE INDEX console_sessions_of_user ON console_sessions (user_id);
