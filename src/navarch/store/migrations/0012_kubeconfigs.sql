-- Kubeconfigs that have not ended: who has which, and those that were revoked. The credentials are kept nowhere.
CREATE TABLE kubeconfigs (
    cluster_id  text NOT NULL REFERENCES clusters ON DELETE CASCADE,
    id          text NOT NULL,
    user_id     text NOT NULL,
    user_name   text NOT NULL,
    groups      text[] NOT NULL,
    issued_at   timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL,
    revoked_at  timestamptz,
    revoked_by  text NOT NULL DEFAULT '',
    refused_at  timestamptz CHECK (refused_at IS NULL OR revoked_at IS NOT NULL),
    PRIMARY KEY (cluster_id, id)
);
CREATE INDEX kubeconfigs_revoked ON kubeconfigs (cluster_id) WHERE revoked_at IS NOT NULL;
