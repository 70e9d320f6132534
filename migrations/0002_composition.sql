-- Composition: work that is given away, batches of it, state that outlives a step, runs that are paused.
--
-- As with the hot tables of the road of a run there are no foreign keys: whatever writes here holds the run's lock
-- or a hold of its own, and looks at what it needs after it has it.

-- A paused run is not published and not claimed, and nothing of it is given away. What is under way ends.
-- No index names it, so that updates of runs stay on their page.
alter table runs
    add column paused_at timestamptz,
    add constraint paused_is_not_published check (paused_at is null or state <> 'queued'),
    add constraint paused_is_live check (paused_at is null or finished_at is null);

-- A copy of the run's, so that the backlog is fed without a look at runs.
alter table ready
    add column paused_at timestamptz,
    add constraint paused_waits_in_the_backlog check (paused_at is null or published_at is null);
drop index ready_backlog;
create index ready_backlog on ready (org, queue, coalesce(build, ''), run_id) where published_at is null and paused_at is null;

-- A step that was given away, or an item of a batch that is under way. Written with the append that asks for it or by
-- a batch that has room, gone in the commit that journals what it came to. Fenced by its hold and by the run's state,
-- never by the run's epoch: the run may be suspended, queued and resumed meanwhile.
--
-- A row stands in exactly one place: it waits (until a time, or for room), is published, or is held. Whoever takes it
-- out of a worker's hands, or stops it, holds the run's lock; to give it into somebody's hands the row alone is enough.
create table dispatches (
    run_id           uuid not null,
    step_key         text not null check (step_key <> ''),   -- the step, or the batch
    item             integer not null check (item >= 0),     -- 0: a step; items of a batch count from 1
    org              text not null,
    queue            text not null check (queue <> ''),
    build            text,                                   -- bound to workers of this build, as its run is; null: any
    function         text not null check (function <> ''),
    input            bytea not null,
    terms            bytea not null,                         -- how it is executed: StepOptions, encoded
    -- what changes
    epoch            integer not null default 1 check (epoch > 0), -- bumped whenever it is to be given anew; older messages are stale
    try_number       integer not null default 1 check (try_number > 0), -- of the try under way, or of the next
    failed_tries     integer not null default 0 check (failed_tries >= 0),
    first_started_at timestamptz,                            -- when its first try began that was reported
    strikes          smallint not null default 0 check (strikes >= 0), -- deaths of its worker while it was held
    offered_at       timestamptz not null default clock_timestamp(), -- since when somebody could execute it
    stopped          text,                                   -- why it is given to nobody for now
    due_at           timestamptz,                            -- it waits for its next try until then
    published_at     timestamptz,
    rounds           smallint not null default 0 check (rounds >= 0), -- fruitless publishes; each doubles the patience
    worker           uuid,                                   -- who executes it …
    hold             uuid,                                   -- … the fencing token of that …
    held_at          timestamptz,                            -- … and since when
    primary key (run_id, step_key, item),
    constraint stopped_is_known check (stopped in ('paused', 'poison')),
    constraint held_is_whole check ((worker is null) = (hold is null) and (worker is null) = (held_at is null)),
    constraint one_place check (num_nonnulls(worker, published_at, due_at) <= 1),
    constraint stopped_is_with_nobody check (stopped is null or (worker is null and published_at is null)),
    constraint poison_has_strikes check (stopped is distinct from 'poison' or strikes > 0),
    constraint tries_are_counted check (failed_tries < try_number)
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
alter table dispatches alter column input set storage external;
create index dispatches_backlog on dispatches (org, queue, coalesce(build, ''), run_id, step_key, item)
    where worker is null and published_at is null and due_at is null and stopped is null;
create index dispatches_due on dispatches (due_at) where due_at is not null and stopped is null;
create index dispatches_published on dispatches (published_at) where published_at is not null;
create index dispatches_by_worker on dispatches (worker, run_id, step_key, item) where worker is not null;

-- One function over many items, at most max_concurrency of them in dispatches. Kept after its end: its results are
-- read for as long as the run is there. Locked after the runs, sorted.
create table batches (
    run_id          uuid not null,
    step_key        text not null check (step_key <> ''),
    org             text not null,
    queue           text not null check (queue <> ''),
    build           text,
    function        text not null check (function <> ''),
    terms           bytea not null,                         -- of one item: StepOptions, encoded
    max_concurrency integer not null check (max_concurrency > 0),
    on_failure      text not null,
    created_at      timestamptz not null default clock_timestamp(),
    -- what changes
    status          text not null default 'running',
    total           integer not null default 0 check (total >= 0),    -- items written so far
    sealed_at       timestamptz,                            -- when the last of them was; null: more follow
    released        integer not null default 0 check (released >= 0), -- items up to this number were given away
    completed       integer not null default 0 check (completed >= 0),
    failed          integer not null default 0 check (failed >= 0),
    cancelled       integer not null default 0 check (cancelled >= 0), -- never executed, or dropped
    item_millis     bigint not null default 0 check (item_millis >= 0), -- what the items' last tries took together
    released_at     timestamptz,                            -- the first release
    stopped_at      timestamptz,                            -- an item failed and nothing more is released
    finished_at     timestamptz,
    primary key (run_id, step_key),
    constraint on_failure_is_known check (on_failure in ('continue', 'stop')),
    constraint status_is_known check (status in ('running', 'completed', 'partial_failure', 'failed', 'cancelled')),
    constraint ended_has_time check ((status = 'running') = (finished_at is null)),
    constraint only_what_is_there_is_released check (released <= total),
    constraint only_what_was_released_ends check (completed + failed <= released),
    constraint no_item_ends_twice check (completed + failed + cancelled <= total),
    constraint released_has_time check ((released > 0) = (released_at is not null)),
    constraint only_a_failure_stops check (stopped_at is null or (on_failure = 'stop' and failed > 0)),
    -- A cancelled batch may end before it was sealed; any other has counted every item.
    constraint ended_is_counted check
        (status in ('running', 'cancelled') or (sealed_at is not null and completed + failed + cancelled = total)),
    constraint completed_is_whole check (status <> 'completed' or completed = total)
) with (fillfactor = 60, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
-- What a crash left owed is found here. Nothing that changes while a batch runs is named.
create index batches_running on batches (run_id, step_key) where finished_at is null;

-- Insert only.
create table batch_items (
    run_id   uuid not null,
    step_key text not null,
    item     integer not null check (item > 0),
    org      text not null,
    id       text,                                          -- the caller's name for it
    input    bytea not null,
    primary key (run_id, step_key, item)
);
alter table batch_items alter column input set storage external;

-- How an item ended. Insert only, no part of replay.
create table batch_results (
    run_id      uuid not null,
    step_key    text not null,
    item        integer not null check (item > 0),
    org         text not null,
    id          text,
    result      bytea,
    failure     bytea,
    try_number  integer not null check (try_number >= 0),   -- the last; zero for none
    worker      uuid,
    started_at  timestamptz,
    finished_at timestamptz not null,
    primary key (run_id, step_key, item),
    constraint at_most_one_outcome check (result is null or failure is null),
    -- Without an outcome it was cancelled.
    constraint an_outcome_has_a_try check
        ((result is null and failure is null) or (try_number > 0 and started_at is not null and worker is not null)),
    constraint a_try_is_whole check ((try_number = 0) = (started_at is null) and (try_number = 0) = (worker is null))
);
alter table batch_results alter column result set storage external;

-- Values of runs and of sessions, each with the number of its last write. A deleted value keeps its row, so that its
-- version goes on; the rows of a run go when it ends.
create table state (
    org        text not null,
    scope      text not null check (scope in ('run', 'session')),
    owner      text not null check (owner <> ''),           -- the run's id, or the session's
    name       text not null check (name <> ''),
    value      bytea,
    version    bigint not null check (version > 0),
    run_id     uuid not null,                               -- who wrote it last
    written_at timestamptz not null default clock_timestamp(),
    primary key (org, scope, owner, name)
) with (fillfactor = 70);
alter table state alter column value set storage external;

-- Batches end by rows from outside; races and state are answered by the attempt that asks.
alter table journal
    drop constraint journal_kind_check,
    add constraint journal_kind_check check (kind in ('step', 'sleep', 'retry', 'cancel', 'batch', 'race', 'state')),
    add constraint batches_end_outside check (kind <> 'batch' or outside is not null),
    add constraint races_and_state_are_own check (kind not in ('race', 'state') or own is not null);

-- A failed try of work that was given away has its hold for an attempt.
comment on column tries.attempt is 'the hold that wrote it: an attempt on the run, or a hold on dispatched work';

-- A control is confirmed when every worker that held the run, or something of it, has applied it.
alter table controls
    drop constraint controls_action_check,
    add constraint controls_action_check check (action in ('kill', 'pause', 'unpause')),
    add column holders uuid[] not null default '{}';
update controls set holders = array[holder] where holder is not null;
alter table controls
    drop column holder,
    add constraint holders_are_workers check (array_position(holders, null) is null);
