-- Stop every process first: machines say what they are made from, clusters what they were given, and code of before does not.
-- What a machine is made from, as it was wanted when it was decided on. Those of before are of the wish of now.
ALTER TABLE machines ADD COLUMN template jsonb CHECK (jsonb_typeof(template) = 'object');
-- The cloud's objects that are known to be the cluster's, by their ids.
ALTER TABLE clusters ADD COLUMN objects jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(objects) = 'array');

-- What a cluster was given stays, whatever is offered later: the release behind its version, the id behind the name of
-- its external network.
UPDATE clusters c SET spec = jsonb_set(spec, '{release}', coalesce(
    (SELECT r FROM catalogue, jsonb_array_elements(content -> 'releases') r
     WHERE r -> 'kubernetes_version' = c.spec -> 'kubernetes_version' LIMIT 1),
    jsonb_build_object('kubernetes_version', spec -> 'kubernetes_version', 'image_id', '', 'image_name', '', 'bundle', '')));
UPDATE clusters c SET spec = jsonb_set(spec, '{network,external_network_id}', coalesce(
    (SELECT n -> 'id' FROM catalogue, jsonb_array_elements(content -> 'external_networks') n
     WHERE c.spec #> '{network,external_network}' IN (n -> 'name', n -> 'id') LIMIT 1),
    spec #> '{network,external_network}'));
UPDATE machines m SET template = jsonb_build_object(
    'release', c.spec -> 'release',
    'flavor', c.spec #> '{control_plane,flavor}', 'labels', '[]'::jsonb, 'taints', '[]'::jsonb)
FROM clusters c WHERE m.cluster_id = c.id AND m.role = 'control-plane';
UPDATE machines m SET template = jsonb_build_object(
    'release', c.spec -> 'release',
    'flavor', g.spec -> 'flavor',
    'labels', coalesce(g.spec -> 'labels', '[]'),
    'taints', coalesce(g.spec -> 'taints', '[]'))
FROM clusters c JOIN node_groups g ON g.cluster_id = c.id
WHERE m.cluster_id = c.id AND m.role <> 'control-plane' AND g.name = m.node_group;
UPDATE machines m SET template = jsonb_build_object('release', c.spec -> 'release', 'flavor', '')
FROM clusters c WHERE m.cluster_id = c.id AND m.template IS NULL;
ALTER TABLE machines ALTER COLUMN template SET NOT NULL;
