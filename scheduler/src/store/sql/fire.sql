-- Fires the due timers of runs whose locks are held: the look after the lock. $1 the runs, $2 an encoded nothing.
with due as materialized (
    select w.run_id, w.step_key, w.org, w.kind, w.name, w.input, w.set_at, w.due_at,
           r.outside + row_number() over (partition by w.run_id order by w.due_at, w.step_key) as number
    from waits w join runs r on r.id = w.run_id
    where w.run_id = any ($1) and w.due_at <= clock_timestamp()
      and r.state in ('backlog', 'queued', 'running', 'suspended', 'parked')
),
told as (
    insert into journal (run_id, step_key, org, kind, name, input, result, outside, try_number, started_at, finished_at)
    select run_id, step_key, org, kind, name, input, $2, number, 1, set_at, clock_timestamp() from due
),
gone as (
    delete from waits w using due d where w.run_id = d.run_id and w.step_key = d.step_key
),
counted as (
    select run_id, count(*)::int as fired, min(due_at) as since from due group by run_id
),
changed as (
    update runs r
    set outside = r.outside + c.fired,
        state = case when r.state = 'suspended' then 'queued' else r.state end,
        epoch = case when r.state = 'suspended' then r.epoch + 1 else r.epoch end
    from counted c
    where r.id = c.run_id
    returning r.id, r.org, r.queue, r.build, r.state, r.epoch, r.worker, r.attempt, r.outside, c.fired, c.since
),
readied as (
    insert into ready (run_id, org, queue, build, epoch, published_at)
    select id, org, queue, build, epoch, clock_timestamp() from changed where state = 'queued'
    -- A run that was queued already keeps its row and its publish.
    on conflict (run_id) do nothing
    returning run_id, epoch
)
select c.id, c.org, c.queue, c.build, c.epoch, c.worker, c.attempt, c.outside, c.fired,
       (d.run_id is not null) as published,
       (extract(epoch from clock_timestamp() - c.since) * 1000000)::bigint as lag_micros
from changed c
left join readied d on d.run_id = c.id
