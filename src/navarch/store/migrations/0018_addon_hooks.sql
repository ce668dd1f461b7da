-- Add-ons whose removal runs no hook of their chart, and when somebody asked for their tests last.
ALTER TABLE chosen_addons
    ADD COLUMN no_hooks           boolean NOT NULL DEFAULT false,
    ADD COLUMN test_requested_at  timestamptz;
