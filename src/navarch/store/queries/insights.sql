-- name: insight
SELECT seen_at, content, trouble, tried_at > now() - make_interval(secs => %(max_age)s) AS fresh FROM insights
WHERE cluster_id = %(id)s AND question = %(question)s;

-- name: want_insight
-- What is wanted already is not written again within a second: who waits asks on.
INSERT INTO insights (cluster_id, question, asked_at, wanted_at)
SELECT id, %(question)s, now(), now() FROM clusters WHERE id = %(id)s
ON CONFLICT (cluster_id, question) DO UPDATE SET asked_at = now(), wanted_at = now()
WHERE insights.wanted_at IS NULL OR insights.wanted_at < now() - interval '900 milliseconds';

-- name: trim_insights
-- Of a cluster the questions that were asked last: a namespace may have any name.
DELETE FROM insights WHERE (cluster_id, question) IN (
    SELECT cluster_id, question FROM insights WHERE cluster_id = %(id)s
    ORDER BY asked_at DESC OFFSET %(keep)s FOR UPDATE SKIP LOCKED);

-- name: take_wanted_insights
-- A request waits a few seconds only: what was wanted before that is wanted no more. What another worker takes is its.
WITH taken AS (
    SELECT i.cluster_id, i.question, c.project_id, c.status ->> 'api_url' AS api_url
    FROM insights i JOIN clusters c ON c.id = i.cluster_id
    WHERE i.wanted_at > now() - interval '10 seconds' AND c.region = %(region)s
    ORDER BY i.wanted_at LIMIT %(most)s FOR UPDATE OF i SKIP LOCKED)
UPDATE insights i SET wanted_at = NULL
FROM taken t WHERE i.cluster_id = t.cluster_id AND i.question = t.question
RETURNING t.cluster_id, t.question, t.project_id, t.api_url;

-- name: write_insight
-- What was seen before stays where the new try brought nothing.
UPDATE insights SET tried_at = now(), trouble = %(trouble)s,
    seen_at = CASE WHEN %(content)s::jsonb IS NULL THEN seen_at ELSE now() END,
    content = coalesce(%(content)s::jsonb, content)
WHERE cluster_id = %(id)s AND question = %(question)s;

-- name: drop_old_insights
DELETE FROM insights WHERE (cluster_id, question) IN (
    SELECT cluster_id, question FROM insights WHERE asked_at < now() - interval '10 minutes'
    ORDER BY asked_at LIMIT 100 FOR UPDATE SKIP LOCKED);
