-- Fires the due timers of runs whose locks are held: the look after the lock. $1 the runs, $2 an encoded nothing, $3 runs
-- whose queue has no room: those that are suspended wait in the backlog.
with over as (
    delete from waits w where w.run_id = any ($1) and w.due_at <= clock_timestamp() returning w.*
),
due as materialized (
    select w.run_id, w.step_key, w.org, w.kind, w.name, w.input, w.set_at, w.due_at,
           r.outside + row_number() over (partition by w.run_id order by w.due_at, w.step_key) as number
    from over w
    cross join lateral (
        select r.outside from runs r
        where r.id = w.run_id and r.state in ('backlog', 'queued', 'running', 'suspended', 'parked')
        limit 1
    ) r
    -- A timer whose answer stands already, or whose run has ended, only goes: it may not hold up the others.
    where (select j.step_key from journal j where j.run_id = w.run_id and j.step_key = w.step_key) is null
),
told as (
    insert into journal (run_id, step_key, org, kind, name, input, result, outside, try_number, started_at, finished_at)
    select run_id, step_key, org, kind, name, input, $2, number, 1, set_at, clock_timestamp() from due
),
counted as (
    select run_id, count(*)::int as fired, min(due_at) as since from due group by run_id
),
changed as (
    update runs r
    set outside = r.outside + (select c.fired from counted c where c.run_id = r.id),
        state = case when r.state <> 'suspended' then r.state
                     when r.paused_at is not null or r.id = any ($3) then 'backlog'
                     else 'queued' end,
        epoch = case when r.state = 'suspended' then r.epoch + 1 else r.epoch end
    where r.id = any (array(select run_id from counted))
    returning r.id, r.org, r.workflow, r.queue, r.build, r.state, r.epoch, r.worker, r.attempt, r.outside, r.paused_at
),
readied as (
    insert into ready (run_id, org, queue, build, epoch, published_at, paused_at)
    select id, org, queue, build, epoch, case when state = 'queued' then clock_timestamp() end, paused_at
    from changed where state in ('queued', 'backlog')
    -- A run that stood there already keeps its row and its publish.
    on conflict (run_id) do nothing
    returning run_id, published_at
)
select c.id, c.org, c.workflow, c.queue, c.build, c.epoch, c.worker, c.attempt, c.outside, n.fired,
       (d.published_at is not null) as published,
       (extract(epoch from clock_timestamp() - n.since) * 1000000)::bigint as lag_micros
from changed c
join counted n on n.run_id = c.id
left join readied d on d.run_id = c.id
