-- What a key may do, how long, who made it and when it was used; and orgs that are disabled.

-- A key that was made before had no bounds, and keeps what it could do.
alter table api_keys
    add column scopes text[] not null default '{admin}'
        check (cardinality(scopes) > 0 and scopes <@ array['read', 'start', 'operate', 'admin']),
    add column expires_at timestamptz,                   -- null: never
    add column last_used_at timestamptz,                 -- to the minute
    add column created_by uuid;                          -- the key that made it; null: the command line, at the database
alter table api_keys alter column scopes drop default;

alter table orgs
    add column created_at timestamptz not null default now(),
    add column disabled_at timestamptz;                  -- null: enabled
