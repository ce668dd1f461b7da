-- What each cluster has in its cloud, as a worker saw it last: for people, who are told by the API, which asks no cloud.
-- By kind, so that a kind that could not be read keeps what was seen of it before.
CREATE TABLE inventories (
    cluster_id  text PRIMARY KEY REFERENCES clusters (id) ON DELETE CASCADE,
    seen_at     timestamptz NOT NULL,
    objects     jsonb NOT NULL CHECK (jsonb_typeof(objects) = 'object'),
    unread      text[] NOT NULL DEFAULT '{}',
    left_out    integer NOT NULL DEFAULT 0
);

-- People see these, too; when they were seen last is no change.
CREATE TRIGGER inventories_numbered_new AFTER INSERT ON inventories
    FOR EACH ROW EXECUTE FUNCTION number_cluster_of_node_group();
CREATE TRIGGER inventories_numbered AFTER UPDATE ON inventories
    FOR EACH ROW WHEN ((OLD.objects, OLD.unread) IS DISTINCT FROM (NEW.objects, NEW.unread))
    EXECUTE FUNCTION number_cluster_of_node_group();
