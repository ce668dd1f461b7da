-- What lists are searched and put in order by, out of what is written anyway: else each list would unpack the whole
-- documents of all clusters of a project.
ALTER TABLE clusters ADD COLUMN phase text NOT NULL GENERATED ALWAYS AS (coalesce(status ->> 'phase', 'Progressing')) STORED;
-- The one that it has; before it has one, the one that is wanted.
ALTER TABLE clusters ADD COLUMN kubernetes_version text NOT NULL GENERATED ALWAYS AS
    (coalesce(nullif(status ->> 'kubernetes_version', ''), spec ->> 'kubernetes_version', '')) STORED;
-- Who must act before conditions that are not true can come true: an array of `Responsible`.
ALTER TABLE clusters ADD COLUMN responsible jsonb NOT NULL GENERATED ALWAYS AS (jsonb_path_query_array(
    coalesce(status -> 'conditions', '[]'), '$[*] ? (@.status != "True").responsible ? (@ != null)')) STORED;
CREATE INDEX clusters_by_name ON clusters (project_id, name, ordinal);
CREATE INDEX clusters_by_phase ON clusters (project_id, phase, ordinal);

-- Events are followed as clusters are. Those of before have no number: nobody is told of them as of something new.
ALTER TABLE events ADD COLUMN change bigint NOT NULL DEFAULT 0;
CREATE INDEX events_change ON events (change);
CREATE TRIGGER events_numbered BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION number_change();
