-- Whether single keys do something in the console: empty, or 'off'.
ALTER TABLE console_accounts ADD COLUMN shortcuts text NOT NULL DEFAULT '';
