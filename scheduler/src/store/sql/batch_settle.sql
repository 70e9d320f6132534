-- Drops what closed batches had under way. $1 runs, $2 keys. Says who executes what of it.
with closed as materialized (
    select w.run_id, w.step_key
    from unnest($1::uuid[], $2::text[]) as w (run_id, step_key)
    cross join lateral (
        select b.step_key from batches b
        where b.run_id = w.run_id and b.step_key = w.step_key and b.status = 'cancelled'
        limit 1
    ) b
),
settled as (
    update batches b
    set settled_at = clock_timestamp()
    where b.run_id = any (array(select run_id from closed)) and b.settled_at is null
      and exists (select 1 from closed c where c.run_id = b.run_id and c.step_key = b.step_key)
),
gone as (
    delete from dispatches d
    where d.run_id = any (array(select run_id from closed))
      and exists (select 1 from closed c where c.run_id = d.run_id and c.step_key = d.step_key)
    returning d.run_id, d.step_key, d.item, d.worker, d.hold
)
select run_id, step_key, item, worker, hold from gone where worker is not null
