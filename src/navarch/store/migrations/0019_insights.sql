-- What people asked to see of the inside of clusters, and the newest answer to each question. A worker reads what is
-- wanted, and nothing while nobody asks. Rows go ten minutes after the last question.
CREATE TABLE insights (
    cluster_id  text NOT NULL REFERENCES clusters (id) ON DELETE CASCADE,
    question    text NOT NULL CHECK (length(question) <= 100),
    asked_at    timestamptz NOT NULL,
    wanted_at   timestamptz,
    tried_at    timestamptz,
    seen_at     timestamptz,
    content     jsonb,
    trouble     jsonb,
    PRIMARY KEY (cluster_id, question)
);
CREATE INDEX insights_wanted ON insights (wanted_at) WHERE wanted_at IS NOT NULL;
CREATE INDEX insights_asked ON insights (asked_at);
