-- The road of a run: accepted, ready, held, journaled, ended.
--
-- Hot tables have no foreign keys: every statement that writes them checks what it needs under the run's lock,
-- and a check of ours would repeat that at the price of a lock of its own. Every table carries its org.

-- Tenants. The row is the lock under which controls are numbered, so that their order is that of their commits.
create table orgs (
    org             text primary key check (org <> ''),
    control_version bigint not null default 0 check (control_version >= 0)
);
insert into orgs (org) values ('default');

-- One row a run, updated a few times in its life. No index names anything that changes, so that updates stay
-- on their page (HOT): what must be found lies in ready, held and waits.
create table runs (
    id            uuid primary key,
    org           text not null,
    workflow      text not null check (workflow <> ''),
    queue         text not null check (queue <> ''),
    build         text,                                  -- bound to workers of this build; null: any
    session       text,
    tags          text[] not null default '{}',
    seed          uuid not null,                         -- derived randomness; copied by forks
    input         bytea not null,
    trace         text,                                  -- W3C traceparent of the start
    created_at    timestamptz not null default now(),
    -- what changes
    state         text not null,
    epoch         integer not null check (epoch >= 0),   -- number of the publish, bumped by every requeue
    attempts      integer not null default 0 check (attempts >= 0), -- claims so far
    attempt       uuid,                                  -- the last hold: its fencing token
    worker        uuid,                                  -- who holds it now
    append_number integer not null default 0 check (append_number >= 0), -- last append of this attempt that changed more than rows
    outside       integer not null default 0 check (outside >= 0), -- results from outside so far
    strikes       smallint not null default 0 check (strikes >= 0), -- deaths of its worker in a row
    cancel_asked_at timestamptz,
    started_at    timestamptz,
    finished_at   timestamptz,
    result        bytea,
    failure       bytea,
    parked        jsonb,                                 -- why it needs a person

    constraint state_is_known check (state in
        ('backlog', 'queued', 'running', 'suspended', 'parked', 'completed', 'failed', 'cancelled', 'killed')),
    constraint running_is_held check ((state = 'running') = (worker is not null)),
    constraint held_has_attempt check (worker is null or attempt is not null),
    constraint queued_was_published check (state <> 'queued' or epoch > 0),
    constraint terminal_is_finished check
        ((state in ('completed', 'failed', 'cancelled', 'killed')) = (finished_at is not null)),
    constraint completed_has_result check ((state = 'completed') = (result is not null)),
    constraint failed_has_failure check ((state in ('failed', 'cancelled')) = (failure is not null)),
    constraint parked_has_reason check ((state = 'parked') = (parked is not null)),
    constraint suspended_began check (state not in ('suspended') or attempts > 0)
) with (fillfactor = 60);
alter table runs alter column input set storage external;
alter table runs alter column result set storage external;

-- Every live run has one row in ready (backlog and queued), in held (running), or its rows in waits (suspended).
-- Small tables of inserts and deletes: sweeps read these and never runs.
create table ready (
    run_id       uuid primary key,
    org          text not null,
    queue        text not null,
    build        text,
    epoch        integer not null check (epoch >= 0),
    not_before   timestamptz,                            -- start time asked for
    published_at timestamptz,                            -- null: backlog
    rounds       smallint not null default 0 check (rounds >= 0), -- fruitless publishes; each doubles the patience
    constraint published_has_epoch check (published_at is null or epoch > 0)
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
create index ready_backlog on ready (org, queue, coalesce(build, ''), run_id) where published_at is null;
create index ready_published on ready (published_at) where published_at is not null;

create table held (
    run_id  uuid primary key,
    worker  uuid not null,
    attempt uuid not null,
    since   timestamptz not null default now()
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
create index held_by_worker on held (worker, run_id);

create table waits (
    run_id     uuid not null,
    step_key   text not null check (step_key <> ''),
    org        text not null,
    kind       text not null check (kind in ('sleep', 'retry')),
    name       text not null,
    input      bytea not null,
    set_at     timestamptz not null default now(),
    due_at     timestamptz not null,
    primary key (run_id, step_key)
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
create index waits_due on waits (due_at);

-- What a run has been told. Insert only.
create table journal (
    run_id      uuid not null,
    step_key    text not null check (step_key <> ''),
    org         text not null,
    kind        text not null check (kind in ('step', 'sleep', 'retry', 'cancel')),
    name        text not null,
    input       bytea not null,
    result      bytea,
    failure     bytea,
    own         integer check (own > 0),                 -- numbered by the attempt …
    after       integer check (after >= 0),              -- … with how many rows from outside were told before
    outside     integer check (outside > 0),             -- or numbered under the run's lock
    attempt     uuid,                                    -- the hold that wrote it
    worker      uuid,
    try_number  integer not null check (try_number > 0),
    started_at  timestamptz not null,
    finished_at timestamptz not null,
    primary key (run_id, step_key),
    constraint one_outcome check ((result is null) <> (failure is null)),
    constraint one_place check ((own is null) <> (outside is null) and (own is null) = (after is null)),
    constraint own_rows_have_an_author check ((own is null) or (attempt is not null and worker is not null))
);
alter table journal alter column input set storage external;
alter table journal alter column result set storage external;
create unique index journal_outside on journal (run_id, outside) where outside is not null;

-- Tries that failed and were followed by another. Insert only.
create table tries (
    run_id      uuid not null,
    step_key    text not null,
    attempt     uuid not null,
    try_number  integer not null check (try_number > 0),
    org         text not null,
    name        text not null,
    failure     bytea not null,
    worker      uuid not null,
    started_at  timestamptz not null,
    finished_at timestamptz not null,
    primary key (run_id, step_key, try_number, attempt)
);

-- One row a registration. Only the transaction that ends a lease sets ended_at, and it takes the row for update.
create table workers (
    id              uuid primary key,
    org             text not null,
    name            text not null,
    host            text not null,
    process         bigint not null,
    build           text,
    queues          text[] not null check (cardinality(queues) > 0),
    workflows       text[] not null,
    functions       text[] not null,
    run_slots       integer not null check (run_slots > 0),
    step_slots      integer not null check (step_slots > 0),
    free_runs       integer not null check (free_runs >= 0),
    free_steps      integer not null check (free_steps >= 0),
    intent          text not null default 'working' check (intent in ('working', 'draining')),
    control_applied bigint not null,
    under_way       jsonb not null default '[]',
    registered_at   timestamptz not null default now(),
    beat_at         timestamptz not null,
    lease_until     timestamptz not null,
    ended_at        timestamptz,
    end_reason      text check (end_reason in ('left', 'lease_over')),
    constraint ended_has_reason check ((ended_at is null) = (end_reason is null))
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
create index workers_live on workers (org) where ended_at is null;

-- Orders that take effect in workers' memory, numbered under the lock of their org's row.
create table controls (
    org        text not null,
    version    bigint not null check (version > 0),
    run_id     uuid not null,
    action     text not null check (action in ('kill')),
    holder     uuid,                                     -- the worker that has to apply it
    created_at timestamptz not null default now(),
    primary key (org, version)
);
create index controls_of_run on controls (run_id);

-- One idempotency key, one run, within the stated window.
create table start_keys (
    org         text not null,
    key         text not null check (key <> ''),
    run_id      uuid not null,
    fingerprint bytea not null,                          -- of what was asked for: the same key with another input is refused
    expires_at  timestamptz not null,
    primary key (org, key)
);
create index start_keys_expiry on start_keys (expires_at);

-- Keys of the API: the secret's hash only.
create table api_keys (
    id         uuid primary key,
    org        text not null,
    name       text not null,
    prefix     text not null unique,
    hash       bytea not null check (octet_length(hash) = 32),
    created_at timestamptz not null default now(),
    revoked_at timestamptz
);

-- Listing newest first, by org; ids are UUIDv7 and sort by start. Neither column ever changes.
create index runs_by_org on runs (org, id desc);
