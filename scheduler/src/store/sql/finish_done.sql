-- Journals what dispatched steps came to, as rows from outside: the look after the lock of their runs. $1–$9 one array
-- a column: runs, keys, holds, workers, results, failures, tries, beginnings, ends.
with found as materialized (
    select d.place_of, d.run_id, d.step_key, d.org, d.function, d.input, a.worker, a.result, a.failure, a.try_number,
           a.started_at, a.finished_at, a.place
    from unnest($1::uuid[], $2::text[], $3::uuid[], $4::uuid[], $5::bytea[], $6::bytea[], $7::int[], $8::timestamptz[],
                $9::timestamptz[]) with ordinality
        as a (run_id, step_key, hold, worker, result, failure, try_number, started_at, finished_at, place)
    cross join lateral (
        select d.ctid as place_of, d.*
        from dispatches d
        where d.run_id = a.run_id and d.step_key = a.step_key and d.item = 0 and d.hold = a.hold
          and coalesce(d.worker, d.hold) = a.worker
        limit 1
    ) d
),
gone as (
    -- Nobody moves what is held while the run is locked.
    delete from dispatches d using found f where d.ctid = f.place_of
),
over as materialized (
    select f.*, r.outside + row_number() over (partition by f.run_id order by f.place) as number
    from found f
    cross join lateral (
        select r.outside from runs r
        where r.id = f.run_id and r.state in ('backlog', 'queued', 'running', 'suspended', 'parked')
        limit 1
    ) r
    where (select true from journal j where j.run_id = f.run_id and j.step_key = f.step_key limit 1) is null
),
told as (
    insert into journal (run_id, step_key, org, kind, name, input, result, failure, outside, worker, try_number, started_at, finished_at)
    select run_id, step_key, org, 'step', function, input, result, failure, number, worker, try_number, started_at, finished_at
    from over
),
counted as (
    select run_id, count(*)::int as fired from over group by run_id
),
changed as (
    update runs r
    set outside = r.outside + (select c.fired from counted c where c.run_id = r.id),
        state = case when r.state <> 'suspended' then r.state when r.paused_at is null then 'queued' else 'backlog' end,
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
select c.id, c.org, c.workflow, c.queue, c.build, c.state, c.epoch, c.worker, c.attempt, c.outside, n.fired,
       (d.published_at is not null) as published, 0::bigint as lag_micros,
       array(select f.place from found f where f.run_id = a.run_id) as places
from (select run_id from found group by run_id) a
left join changed c on c.id = a.run_id
left join counted n on n.run_id = a.run_id
left join readied d on d.run_id = a.run_id
