-- When a machine went, so that those that went long ago can be dropped. NULL: it is there, or went before this column.
ALTER TABLE machines ADD COLUMN removed_at timestamptz;
