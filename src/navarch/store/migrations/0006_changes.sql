-- What people see of a cluster gets a new number each time it changes, out of one sequence: whoever follows changes reads
-- what has a higher number than he knows. Triggers give the numbers, so that no writer can forget to: not the version
-- before this one, which may still run, and not a hand.
CREATE SEQUENCE changes;

ALTER TABLE clusters ADD COLUMN change bigint NOT NULL DEFAULT 0;
CREATE INDEX clusters_change ON clusters (change);
ALTER TABLE machines ADD COLUMN change bigint NOT NULL DEFAULT 0;
CREATE INDEX machines_change ON machines (change);
ALTER TABLE phase_reports ADD COLUMN change bigint NOT NULL DEFAULT 0;
CREATE INDEX phase_reports_change ON phase_reports (change);

-- Clusters that are gone. No reference: what it would refer to is gone.
CREATE TABLE gone_clusters (
    change      bigint PRIMARY KEY DEFAULT nextval('changes'),
    cluster_id  text NOT NULL,
    project_id  text NOT NULL,
    gone_at     timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX gone_clusters_age ON gone_clusters (gone_at);

CREATE FUNCTION number_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.change := nextval('changes');
    RETURN NEW;
END $$;

-- Once for each transaction, however many rows it changes. Machines and their reports are many, and tell nobody: who
-- follows them looks once a second.
CREATE FUNCTION tell_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('navarch_change', '');
    RETURN NULL;
END $$;

CREATE FUNCTION number_cluster_of_node_group() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE clusters SET change = nextval('changes') WHERE id = coalesce(NEW.cluster_id, OLD.cluster_id);
    RETURN NULL;
END $$;

CREATE FUNCTION number_paused_clusters() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE clusters SET change = nextval('changes')
    WHERE coalesce(NEW.project_id, OLD.project_id) IN ('', project_id);
    RETURN NULL;
END $$;

CREATE FUNCTION remember_gone_cluster() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO gone_clusters (cluster_id, project_id) VALUES (OLD.id, OLD.project_id);
    RETURN NULL;
END $$;

CREATE TRIGGER clusters_numbered_new BEFORE INSERT ON clusters FOR EACH ROW EXECUTE FUNCTION number_change();
CREATE TRIGGER clusters_numbered BEFORE UPDATE OF labels, spec, generation, deletion_requested_at, status ON clusters
    FOR EACH ROW
    WHEN ((OLD.labels, OLD.spec, OLD.generation, OLD.deletion_requested_at, OLD.status)
          IS DISTINCT FROM (NEW.labels, NEW.spec, NEW.generation, NEW.deletion_requested_at, NEW.status))
    EXECUTE FUNCTION number_change();
CREATE TRIGGER clusters_told_new AFTER INSERT ON clusters FOR EACH ROW EXECUTE FUNCTION tell_change();
CREATE TRIGGER clusters_told AFTER UPDATE ON clusters
    FOR EACH ROW WHEN (OLD.change <> NEW.change) EXECUTE FUNCTION tell_change();
CREATE TRIGGER clusters_gone AFTER DELETE ON clusters FOR EACH ROW EXECUTE FUNCTION remember_gone_cluster();
CREATE TRIGGER gone_clusters_told AFTER INSERT ON gone_clusters FOR EACH ROW EXECUTE FUNCTION tell_change();
CREATE TRIGGER node_groups_numbered AFTER INSERT OR UPDATE OR DELETE ON node_groups
    FOR EACH ROW EXECUTE FUNCTION number_cluster_of_node_group();
CREATE TRIGGER machines_numbered BEFORE INSERT OR UPDATE ON machines FOR EACH ROW EXECUTE FUNCTION number_change();
CREATE TRIGGER phase_reports_numbered BEFORE INSERT OR UPDATE ON phase_reports
    FOR EACH ROW EXECUTE FUNCTION number_change();
CREATE TRIGGER pauses_numbered AFTER INSERT OR DELETE ON pauses
    FOR EACH ROW EXECUTE FUNCTION number_paused_clusters();
