-- Pauses a run whose lock is held, with those of its dispatched work, and which is not paused. $1 run, $2 org, $3 the control's
-- version.
with changed as (
    update runs r
    set paused_at = clock_timestamp(),
        state = case when r.state = 'queued' then 'backlog' else r.state end,
        -- Whoever was told of it comes too late.
        epoch = case when r.state = 'queued' then r.epoch + 1 else r.epoch end
    where r.id = $1 and r.org = $2 and r.state in ('backlog', 'queued', 'running', 'suspended', 'parked')
    returning r.id, r.epoch, r.worker, r.paused_at
),
unpublished as (
    update ready d
    set paused_at = (select c.paused_at from changed c), published_at = null, epoch = (select c.epoch from changed c)
    where d.run_id = any (array(select id from changed))
),
stopped as (
    update dispatches d
    set stopped = 'paused', published_at = null, epoch = d.epoch + 1
    where d.run_id = any (array(select id from changed)) and d.worker is null
      and coalesce(d.stopped, 'unserved') = 'unserved'
),
-- Whoever claimed something of it has committed that before this statement began, and is seen.
holders as materialized (
    select coalesce(array_agg(distinct h.worker), '{}') as workers
    from (
        select worker from changed
        union all
        select d.worker from dispatches d where d.run_id = any (array(select id from changed))
    ) h
    where h.worker is not null
),
ordered as (
    insert into controls (org, version, run_id, action, holders)
    select $2, $3, c.id, 'pause', h.workers from changed c cross join holders h
)
select h.workers from changed c cross join holders h
