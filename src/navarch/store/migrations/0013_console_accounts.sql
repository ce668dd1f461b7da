-- How somebody wants to see the console, in whatever browser. Empty: as the browser says.
CREATE TABLE console_accounts (
    user_id     text PRIMARY KEY,
    language    text NOT NULL DEFAULT '',
    theme       text NOT NULL DEFAULT '',
    time_zone   text NOT NULL DEFAULT ''
);
