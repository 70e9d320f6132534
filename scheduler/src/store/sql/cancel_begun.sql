-- Tells a run that it is to stop; its lock is held. $1 run, $2 an encoded nothing, $3 the reason, encoded.
with changed as (
    update runs r
    set cancel_asked_at = clock_timestamp(),
        outside = r.outside + 1,
        state = case when r.state <> 'suspended' then r.state when r.paused_at is null then 'queued' else 'backlog' end,
        epoch = case when r.state = 'suspended' then r.epoch + 1 else r.epoch end
    where r.id = $1
    returning r.id, r.org, r.workflow, r.queue, r.build, r.state, r.epoch, r.worker, r.attempt, r.outside, r.paused_at
),
told as (
    insert into journal (run_id, step_key, org, kind, name, input, result, outside, try_number, started_at, finished_at)
    select c.id, 'cancel#1', c.org, 'cancel', 'cancel', $3, $2, c.outside, 1, clock_timestamp(), clock_timestamp()
    from changed c
),
readied as (
    insert into ready (run_id, org, queue, build, epoch, published_at, paused_at)
    select id, org, queue, build, epoch, case when state = 'queued' then clock_timestamp() end, paused_at
    from changed where state in ('queued', 'backlog')
    on conflict (run_id) do nothing
    returning run_id, published_at
)
select c.id, c.org, c.workflow, c.queue, c.build, c.epoch, c.worker, c.attempt, c.outside, 1 as fired,
       (d.published_at is not null) as published, 0::bigint as lag_micros
from changed c left join readied d on d.run_id = c.id
