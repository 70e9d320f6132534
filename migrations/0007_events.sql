-- Events, what they start, and the triggers that say so.

-- Bumped by every change of an org's triggers, under its row's lock: whoever knows the version knows the triggers.
alter table orgs add column trigger_version bigint not null default 0 check (trigger_version >= 0);

-- What starts a workflow by itself. Those declared beside it are replaced as a whole; each made by API stands for itself.
create table triggers (
    id               uuid primary key,
    org              text not null,
    workflow         text not null check (workflow <> ''),
    source           text not null check (source in ('declared', 'made')),
    place            integer check (place >= 0),          -- among those declared of its workflow: the first that matches counts
    kind             text not null check (kind in ('event', 'webhook')),
    pattern          text check (pattern <> ''),          -- of names; of a webhook the provider's own, null for all
    provider         text check (provider in ('stripe', 'github', 'slack', 'standard', 'hmac')),
    endpoint         text check (endpoint <> ''),         -- null: every endpoint of the provider
    filter           text check (filter <> ''),
    input_rule       text not null check (input_rule in ('by_name', 'envelope', 'expression')),
    input_expression text check (input_expression <> ''),
    queue            text not null check (queue <> ''),
    build            text check (build <> ''),
    state            text not null default 'active' check (state in ('active', 'paused')),
    version          bigint not null check (version > 0), -- the org's, with which it last changed
    created_at       timestamptz not null default now(),
    updated_at       timestamptz not null default now(),
    constraint declared_has_a_place check ((source = 'declared') = (place is not null)),
    constraint webhook_has_a_provider check ((kind = 'webhook') = (provider is not null)),
    constraint only_webhooks_have_endpoints check (endpoint is null or kind = 'webhook'),
    constraint event_has_a_pattern check (kind = 'webhook' or pattern is not null),
    constraint expression_is_there check ((input_rule = 'expression') = (input_expression is not null))
);
create index triggers_of_org on triggers (org, id);
create unique index triggers_in_place on triggers (org, workflow, place) where place is not null;

-- Who declared a workflow's triggers last, also when they were none: an older process takes nothing back.
create table trigger_declarations (
    org      text not null,
    workflow text not null check (workflow <> ''),
    since    timestamptz not null,
    primary key (org, workflow)
);

-- What was published. Insert only, kept for a while.
create table events (
    id            uuid primary key,
    org           text not null,
    name          text not null check (name <> '' and octet_length(name) <= 256),
    given_id      text check (given_id <> ''),            -- the publisher's own
    data          bytea not null,
    envelope      bytea,                                  -- all that is known of it, where that is more than the rest says
    origin        text not null check (origin in ('published', 'webhook', 'replayed')),
    provider      text check (provider in ('stripe', 'github', 'slack', 'standard', 'hmac')),
    endpoint      text,
    delivery      uuid,
    replayed_from uuid,
    only_workflow text check (only_workflow <> ''),       -- of a replay: nothing else is started
    occurred_at   timestamptz,
    accepted_at   timestamptz not null default now(),
    trace         text,
    constraint webhook_is_known check
        ((provider is null) = (endpoint is null) and (provider is null) = (delivery is null)),
    constraint webhook_brought_it check (origin <> 'webhook' or provider is not null),
    constraint nobody_else_did check (origin <> 'published' or provider is null),
    constraint replay_has_an_original check ((origin = 'replayed') = (replayed_from is not null)),
    constraint only_replays_are_narrowed check (only_workflow is null or origin = 'replayed')
);
alter table events alter column data set storage external;
alter table events alter column envelope set storage external;
create index events_by_org on events (org, id desc);

-- The debt: events that nobody has matched with the triggers yet. Deleted by the transaction that has.
create table unmatched (
    event_id uuid primary key,
    org      text not null,
    since    timestamptz not null default now()
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

-- By what a repeated event is known, within a window. An id and a key of the same text are two things.
create table event_keys (
    org        text not null,
    space      text not null check (space in ('id', 'key')),
    key        text not null check (key <> ''),
    event_id   uuid not null,
    expires_at timestamptz not null,
    primary key (org, space, key)
);
create index event_keys_expiry on event_keys (expires_at);

-- What came of an event, in the order in which it was decided.
create table event_runs (
    event_id   uuid not null,
    place      integer not null check (place >= 0),
    org        text not null,
    trigger_id uuid,                                      -- null: the event as a whole was refused
    workflow   text,
    outcome    text not null check (outcome in ('started', 'refused')),
    run_id     uuid,
    reason     text check (reason in
        ('filter_failed', 'input_failed', 'unbound', 'invalid_input', 'unacceptable')),
    detail     text,
    primary key (event_id, place),
    constraint started_has_a_run check ((outcome = 'started') = (run_id is not null)),
    constraint refused_says_why check ((outcome = 'refused') = (reason is not null and detail is not null)),
    constraint of_a_workflow check ((trigger_id is null) = (workflow is null)),
    constraint started_by_a_trigger check (outcome <> 'started' or trigger_id is not null)
);
-- Whatever goes wrong elsewhere: no trigger ever counts twice for one event.
create unique index event_runs_of_trigger on event_runs (event_id, trigger_id);
