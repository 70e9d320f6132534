-- Items of batches, with the appends that bring them; the locks of their runs are held. $1–$10 one array a column, a
-- chunk of items each, at most one a batch; $11–$14 the items, each with the place of its chunk from 1.
--
-- The first chunk makes the batch. Items that stand there already are left as they are, and a batch that has ended takes
-- no more. Says of each chunk how many items its batch had before, or nothing if there was none.
with asked as materialized (
    select a.*, r.org, coalesce(a.own_queue, r.queue) as queue, r.build, b.total, b.status
    from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::bytea[], $6::int[], $7::text[], $8::int[], $9::int[], $10::bool[])
        with ordinality
        as a (run_id, step_key, function, own_queue, terms, max_concurrency, on_failure, first, last, follows, place)
    cross join lateral (select r.org, r.queue, r.build from runs r where r.id = a.run_id limit 1) r
    left join lateral (
        select b.total, case when b.sealed_at is null then b.status else 'sealed' end as status
        from batches b where b.run_id = a.run_id and b.step_key = a.step_key limit 1
    ) b on true
),
open as materialized (
    -- A gap is no chunk that could be written.
    select * from asked where coalesce(status, 'running') = 'running' and first <= coalesce(total, 0) + 1
),
made as (
    insert into batches (run_id, step_key, org, queue, build, function, terms, max_concurrency, on_failure, total, sealed_at)
    select run_id, step_key, org, queue, build, function, terms, max_concurrency, on_failure, last,
           case when not follows then clock_timestamp() end
    from open
    on conflict (run_id, step_key) do update
        set total = greatest(batches.total, excluded.total),
            sealed_at = case when excluded.total >= batches.total then excluded.sealed_at end
),
added as (
    insert into batch_items (run_id, step_key, item, org, id, input)
    select o.run_id, o.step_key, i.item, o.org, i.id, i.input
    from unnest($11::int[], $12::int[], $13::text[], $14::bytea[]) as i (place, item, id, input)
    cross join lateral (select * from open o where o.place = i.place limit 1) o
    where i.item > coalesce(o.total, 0)
)
select place, status, total from asked order by place
