-- Takes dispatched work back from those who executed it: for another try, or for another worker. The look after the lock
-- of their runs. $1–$11 one array a column: runs, keys, items, holds, workers, endings, failures, tries, beginnings, ends,
-- microseconds to wait or nulls.
with found as materialized (
    select d.place_of, d.paused_at, a.*
    from unnest($1::uuid[], $2::text[], $3::int[], $4::uuid[], $5::uuid[], $6::text[], $7::bytea[], $8::int[], $9::timestamptz[],
                $10::timestamptz[], $11::bigint[]) with ordinality
        as a (run_id, step_key, item, hold, worker, ending, failure, try_number, started_at, finished_at, micros, place)
    cross join lateral (
        select d.ctid as place_of, (select r.paused_at from runs r where r.id = d.run_id) as paused_at
        from dispatches d
        where d.run_id = a.run_id and d.step_key = a.step_key and d.item = a.item and d.hold = a.hold
          and coalesce(d.worker, d.hold) = a.worker
        limit 1
    ) d
),
back as (
    update dispatches d
    set worker = null, hold = null, held_at = null, epoch = d.epoch + 1, offered_at = clock_timestamp(),
        due_at = clock_timestamp() + f.micros * interval '1 microsecond',
        stopped = case when f.paused_at is not null then 'paused' end,
        try_number = d.try_number + case when f.ending = 'again' then 1 else 0 end,
        failed_tries = d.failed_tries + case when f.ending = 'again' then 1 else 0 end,
        first_started_at = coalesce(d.first_started_at, f.started_at),
        strikes = case when f.ending = 'again' then 0 else d.strikes end
    from found f
    where d.ctid = f.place_of
    returning d.run_id, d.step_key, d.item, d.org, d.queue, d.build, d.function, d.epoch, d.stopped, d.due_at, f.place
),
failed as (
    insert into tries (run_id, step_key, attempt, try_number, org, name, failure, worker, started_at, finished_at)
    select f.run_id, case when f.item = 0 then f.step_key else f.step_key || '/' || f.item end, f.hold, f.try_number, b.org,
           b.function, f.failure, f.worker, f.started_at, f.finished_at
    from back b cross join lateral (select * from found f where f.place = b.place limit 1) f
    where f.ending = 'again'
    on conflict do nothing
)
select b.run_id, b.step_key, b.item, b.org, b.queue, b.build, b.function, b.epoch, b.stopped, b.due_at, b.place,
       (extract(epoch from b.due_at - clock_timestamp()) * 1000000)::bigint as due_micros from back b
