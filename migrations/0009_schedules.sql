-- Schedules: what the clock starts, and what it has started.

create table schedules (
    id            uuid primary key,
    org           text not null,
    name          text not null check (name <> ''),
    workflow      text not null check (workflow <> ''),
    queue         text not null check (queue <> ''),
    build         text,                                  -- its runs are bound to it; null: any
    expression    text not null check (expression <> ''),
    time_zone     text not null check (time_zone <> ''),
    overlap       text not null,
    catch_up      text not null,
    jitter_millis bigint not null check (jitter_millis >= 0),
    input         bytea not null,
    tags          text[] not null default '{}',
    origin        text not null,                         -- declared beside its workflow, or made by the API
    created_at    timestamptz not null default now(),
    changed_at    timestamptz not null default now(),
    paused_at     timestamptz,
    -- what changes when it fires
    state         text not null,
    next_at       timestamptz,                           -- the first occurrence that nobody has looked at
    fire_at       timestamptz,                           -- that one with its jitter
    last_at       timestamptz,                           -- the last occurrence that was looked at
    waiting_at    timestamptz,                           -- an occurrence that waits for the end of the last run
    last_run      uuid,                                  -- the last run that its rhythm has started

    constraint schedule_overlap_is_known check (overlap in ('allow', 'skip', 'queue', 'cancel')),
    constraint schedule_catch_up_is_known check (catch_up in ('skip', 'one', 'all')),
    constraint schedule_origin_is_known check (origin in ('declared', 'api')),
    constraint schedule_state_is_known check (state in ('active', 'paused')),
    constraint schedule_paused_since check ((state = 'paused') = (paused_at is not null)),
    constraint schedule_fires_what_is_next check ((next_at is null) = (fire_at is null)),
    constraint schedule_is_never_early check (fire_at >= next_at),
    constraint schedule_waits_for_a_run check (waiting_at is null or last_run is not null)
) with (fillfactor = 80);
create unique index schedules_by_name on schedules (org, name);
create index schedules_due on schedules (fire_at) where state = 'active';
create index schedules_waiting on schedules (id) where waiting_at is not null and state = 'active';
create index schedules_declared on schedules (org, workflow) where origin = 'declared';

-- Which process declared the schedules of a workflow last: an older one takes nothing back. The row is also the lock under
-- which they are replaced.
create table schedule_declarations (
    org      text not null,
    workflow text not null,
    since    timestamptz not null,
    primary key (org, workflow)
);

-- What became of occurrences. Insert only.
create table firings (
    id          bigint generated always as identity primary key,
    org         text not null,
    schedule_id uuid not null,
    occurrence  timestamptz not null,                    -- of several that were missed, the newest
    cause       text not null,                           -- its rhythm, or somebody who asked for it
    outcome     text not null,
    run_id      uuid,
    count       integer not null default 1 check (count > 0),
    first_at    timestamptz,                             -- of several that were missed, the oldest
    reason      text,
    at          timestamptz not null default now(),

    constraint firing_cause_is_known check (cause in ('rhythm', 'trigger')),
    constraint firing_outcome_is_known check (outcome in ('started', 'skipped', 'missed', 'queued', 'refused')),
    constraint firing_started_a_run check ((outcome = 'started') = (run_id is not null)),
    constraint firing_refused_says_why check ((outcome = 'refused') = (reason is not null)),
    constraint firing_missed_since check ((outcome = 'missed') = (first_at is not null)),
    constraint only_missed_ones_are_many check (outcome = 'missed' or count = 1)
);
-- An occurrence starts one run, whoever looks.
create unique index firings_once on firings (schedule_id, occurrence) where outcome = 'started' and cause = 'rhythm';
create unique index firings_triggered_once on firings (schedule_id, run_id) where cause = 'trigger';
create index firings_of on firings (schedule_id, id desc);
create index firings_by_time on firings (at);
