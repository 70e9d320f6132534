-- Ends batches that have nothing under way; the locks of their runs are held. $1 runs, $2 keys, $3 statuses, $4 items
-- that were never executed, $5 summaries, $6 failures of those whose run fails with them, $7 an encoded nothing.
--
-- The call of a workflow is answered by a row from outside, and its run is told. A run that is nothing but its batch ends.
with ending as materialized (
    select e.*, b.at, b.org, b.function, b.ends, b.began_at, r.outside,
           row_number() over (partition by e.run_id order by e.step_key) as turn
    from unnest($1::uuid[], $2::text[], $3::text[], $4::int[], $5::bytea[], $6::bytea[])
        as e (run_id, step_key, status, cancelled, summary, failure)
    cross join lateral (
        select b.ctid as at, b.org, b.function, b.ends, coalesce(b.released_at, b.created_at) as began_at
        from batches b
        where b.run_id = e.run_id and b.step_key = e.step_key and b.status = 'running'
        limit 1
    ) b
    cross join lateral (
        select r.outside from runs r
        where r.id = e.run_id and r.state in ('backlog', 'queued', 'running', 'suspended', 'parked')
        limit 1
    ) r
),
closed as (
    update batches b
    set (status, cancelled, sealed_at, finished_at, settled_at) = (
        select e.status, e.cancelled, coalesce(b.sealed_at, clock_timestamp()), clock_timestamp(), clock_timestamp()
        from ending e where e.at = b.ctid
    )
    where b.ctid = any (array(select at from ending))
),
told as (
    insert into journal (run_id, step_key, org, kind, name, input, result, outside, try_number, started_at, finished_at)
    select run_id, step_key, org, 'batch', function, $7, summary, outside + turn, 1, began_at, clock_timestamp()
    from ending
    where ends = 'call'
),
counted as materialized (
    select run_id, count(*)::int as fired from ending where ends = 'call' group by run_id
),
over as materialized (
    select run_id, summary, failure from ending where ends = 'run'
),
changed as (
    update runs r
    set (outside, state, epoch, result, failure, finished_at, parked, paused_at) = (
        select r.outside + coalesce(c.fired, 0),
               case when o.run_id is not null then case when o.failure is null then 'completed' else 'failed' end
                    when r.state <> 'suspended' then r.state
                    when r.paused_at is null then 'queued'
                    else 'backlog' end,
               case when o.run_id is null and r.state = 'suspended' then r.epoch + 1 else r.epoch end,
               case when o.failure is null then o.summary end,
               o.failure,
               case when o.run_id is not null then clock_timestamp() end,
               case when o.run_id is null then r.parked end,
               case when o.run_id is null then r.paused_at end
        from (select r.id) it (id)
        left join counted c on c.run_id = it.id
        left join over o on o.run_id = it.id
    )
    where r.id = any (array(select run_id from counted union all select run_id from over))
    returning r.id, r.org, r.workflow, r.queue, r.build, r.state, r.epoch, r.worker, r.attempt, r.outside, r.paused_at
),
readied as (
    insert into ready (run_id, org, queue, build, epoch, published_at, paused_at)
    select id, org, queue, build, epoch, case when state = 'queued' then clock_timestamp() end, paused_at
    from changed
    where state in ('queued', 'backlog')
    -- A run that was ready already keeps its row and its publish.
    on conflict (run_id) do nothing
    returning run_id, published_at
)
select c.id, c.org, c.workflow, c.queue, c.build, c.state, c.epoch, c.worker, c.attempt, c.outside,
       (select n.fired from counted n where n.run_id = c.id) as fired,
       (select d.published_at from readied d where d.run_id = c.id) is not null as published,
       0::bigint as lag_micros
from changed c
where c.state not in ('completed', 'failed')
