-- part: cluster_columns
-- What `rows.stored` reads. Columns are named, here and everywhere: a prepared `SELECT *` fails once a newer version has
-- added one.
c.id, c.project_id, c.region, c.name, c.labels, c.spec::text, c.generation, c.created_at, c.updated_at,
       c.deletion_requested_at, c.keep_volumes, c.created_by, c.request_id, c.status::text, c.change, g.node_groups::text,
       EXISTS (SELECT 1 FROM pauses WHERE project_id = '') OR c.project_id IN (SELECT project_id FROM pauses) AS paused

-- part: its_node_groups
LATERAL (
    SELECT coalesce(jsonb_agg(jsonb_build_object('name', n.name, 'spec', n.spec, 'generation', n.generation,
               'deletion_requested_at', n.deletion_requested_at) ORDER BY n.ordinal), '[]') AS node_groups
    FROM node_groups n WHERE n.cluster_id = c.id) g

-- name: clusters
-- A page of a list. `lists` adds what is asked for; first the page is found in narrow columns, then its clusters are read.
SELECT {cluster_columns}
FROM (SELECT c.id FROM clusters c WHERE true /* conditions */ ORDER BY c.ordinal /* order */ LIMIT %(limit)s) page
    JOIN clusters c ON c.id = page.id, {its_node_groups}
ORDER BY c.ordinal /* order */;

-- name: clusters_counted
SELECT count(*) AS count FROM clusters c WHERE true /* conditions */;

-- name: cluster_place
-- Where a cluster stands in each order.
SELECT c.ordinal, c.name, c.phase, {version_order} AS version FROM clusters c
WHERE c.id = %(id)s AND (%(project_id)s::text IS NULL OR c.project_id = %(project_id)s);

-- part: version_order
-- 1.9 before 1.10. What begins with no number is before all.
coalesce(string_to_array(substring(c.kubernetes_version FROM '^[0-9]+(?:\.[0-9]+)*'), '.')::numeric[], '{}')

-- part: in_project
c.project_id = %(project_id)s

-- part: of_name
c.name = %(name)s

-- part: of_labels
c.labels @> %(labels)s

-- part: of_search
NOT EXISTS (
    SELECT 1 FROM unnest(%(search)s::text[]) word
    WHERE strpos(c.name, word) = 0 AND NOT (length(word) >= %(shortest_id)s AND starts_with(c.id, word))
      AND NOT EXISTS (
          SELECT 1 FROM jsonb_each_text(c.labels) label WHERE strpos(lower(label.key || '=' || label.value), word) > 0))

-- part: of_phases
c.phase = ANY(%(phases)s::text[])

-- part: of_versions
EXISTS (SELECT 1 FROM unnest(%(versions)s::text[]) version
        WHERE c.kubernetes_version = version OR starts_with(c.kubernetes_version, version || '.'))

-- part: of_responsible
c.responsible ?| %(responsible)s::text[]

-- part: changed_after
c.change > %(changed_after)s
