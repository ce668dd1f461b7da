-- What the operator paused: no cluster of such a project is claimed. The empty project is all of them.
CREATE TABLE pauses (
    project_id  text PRIMARY KEY,
    reason      text NOT NULL,
    paused_by   text NOT NULL CHECK (paused_by <> ''),
    since       timestamptz NOT NULL DEFAULT now()
);
