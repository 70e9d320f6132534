-- What items of batches came to; the locks of their runs are held. $1–$10 one array a column, at most one end an item.
-- Says which counted, by their places from 1; the others are not, or no longer, under way in those hands.
with found as materialized (
    select e.*, d.at, d.org
    from unnest($1::uuid[], $2::text[], $3::int[], $4::uuid[], $5::uuid[], $6::bytea[], $7::bytea[], $8::int[],
                $9::timestamptz[], $10::timestamptz[]) with ordinality
        as e (run_id, step_key, item, hold, worker, result, failure, try_number, started_at, finished_at, place)
    cross join lateral (
        select r.id from runs r
        where r.id = e.run_id and r.state in ('backlog', 'queued', 'running', 'suspended', 'parked')
        limit 1
    ) r
    cross join lateral (
        select b.step_key from batches b
        where b.run_id = e.run_id and b.step_key = e.step_key and b.status = 'running'
        limit 1
    ) b
    cross join lateral (
        select d.ctid as at, d.org
        from dispatches d
        where d.run_id = e.run_id and d.step_key = e.step_key and d.item = e.item and d.hold = e.hold and d.worker = e.worker
        limit 1
    ) d
),
gone as (
    -- Nobody moves what is held while the run is locked.
    delete from dispatches d where d.ctid = any (array(select at from found))
),
ended as (
    insert into batch_results (run_id, step_key, item, org, result, failure, try_number, worker, started_at, finished_at)
    select run_id, step_key, item, org, result, failure, try_number, worker, started_at, finished_at from found
),
counted as materialized (
    select f.run_id, f.step_key, count(f.result)::int as completed, count(f.failure)::int as failed,
           sum(greatest(extract(epoch from f.finished_at - f.started_at), 0) * 1000)::bigint as item_millis
    from found f
    group by f.run_id, f.step_key
),
batch as materialized (
    select c.*, b.at
    from counted c
    cross join lateral (
        select b.ctid as at from batches b where b.run_id = c.run_id and b.step_key = c.step_key limit 1
    ) b
),
marked as (
    update batches b
    set (completed, failed, item_millis, stopped_at) = (
        select b.completed + c.completed, b.failed + c.failed, b.item_millis + c.item_millis,
               case when b.on_failure = 'stop' and b.failed + c.failed > 0
                    then coalesce(b.stopped_at, clock_timestamp()) end
        from batch c where c.at = b.ctid
    )
    where b.ctid = any (array(select at from batch))
)
select place from found
