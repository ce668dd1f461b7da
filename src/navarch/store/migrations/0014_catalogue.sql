-- The catalogue: each version of an entry with its chart, so that every process renders the same bytes, and a version
-- that a cluster has stays for as long as it has it.
CREATE TABLE catalogue_entries (
    name      text NOT NULL CHECK (name <> ''),
    version   text NOT NULL CHECK (version <> ''),
    card      jsonb NOT NULL CHECK (jsonb_typeof(card) = 'object'),
    schema    json NOT NULL CHECK (json_typeof(schema) = 'object'),  -- forms have its order, which jsonb forgets
    digest    text NOT NULL CHECK (digest <> ''),
    chart     bytea NOT NULL CHECK (length(chart) <= 2097152),
    added_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (name, version)
);

-- What clusters chose of it. Its values are sealed, with the cluster's other secrets (`secrets`, addon/NAME).
CREATE TABLE chosen_addons (
    cluster_id             text NOT NULL REFERENCES clusters (id) ON DELETE CASCADE,
    name                   text NOT NULL CHECK (name <> ''),
    entry                  text NOT NULL,
    version                text NOT NULL,
    namespace              text NOT NULL CHECK (namespace <> ''),
    generation             bigint NOT NULL DEFAULT 1,
    created_at             timestamptz NOT NULL DEFAULT now(),
    deletion_requested_at  timestamptz,
    with_data              boolean NOT NULL DEFAULT false,
    status                 jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(status) = 'object'),
    PRIMARY KEY (cluster_id, name),
    FOREIGN KEY (entry, version) REFERENCES catalogue_entries (name, version)
);
CREATE INDEX chosen_addons_entry ON chosen_addons (entry, version);

-- What people see of a cluster changes with its add-ons.
CREATE TRIGGER chosen_addons_numbered AFTER INSERT OR UPDATE OR DELETE ON chosen_addons
    FOR EACH ROW EXECUTE FUNCTION number_cluster_of_node_group();
