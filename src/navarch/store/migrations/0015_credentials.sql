-- Since when a cluster's controllers are to have other credentials, and when they last got some.
ALTER TABLE clusters ADD COLUMN credentials_requested_at timestamptz;
ALTER TABLE clusters ADD COLUMN credentials_renewed_at timestamptz;
