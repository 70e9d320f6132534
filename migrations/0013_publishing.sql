-- Work that no live worker can execute waits apart from the backlog: it is not published until a worker that has its workflow or
-- function registers. So it takes no room in the shallow streams and is not claimed and handed back again and again.

-- The workflow that no live worker of the run's queue and build has. A scheduler of the release before does not know of it and may
-- publish such a run, so no CHECK refuses that: a worker hands the run back.
alter table ready add column unserved text check (unserved <> '');
drop index ready_backlog;
create index ready_backlog on ready (org, queue, coalesce(build, ''), run_id)
    where published_at is null and paused_at is null and unserved is null;
create index ready_unserved on ready (unserved, org, queue, coalesce(build, ''), run_id) where unserved is not null;

-- Likewise dispatched work whose function no live worker has.
alter table dispatches drop constraint stopped_is_known;
alter table dispatches add constraint stopped_is_known check (stopped in ('paused', 'poison', 'unserved'));
create index dispatches_unserved on dispatches (function, org, queue, coalesce(build, ''), run_id, step_key, item)
    where stopped = 'unserved';

-- When the task of a publish was last seen waiting in its stream. Waiting is no fruitless publish: it does not double the patience.
alter table ready add column looked_at timestamptz;
alter table dispatches add column looked_at timestamptz;
