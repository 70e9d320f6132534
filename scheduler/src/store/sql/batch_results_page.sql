-- A page of a batch's items with what they came to, by their numbers. $1 run, $2 key, $3 the last item known, $4 rows,
-- $5 bytes: a page ends where its results pass them, but never before its first row. Each row says how many there would
-- have been without that.
select item, id, result, failure, try_number, worker, started_at, finished_at, looked_at
from (
    select i.item, i.id, r.result, r.failure, r.try_number, r.worker, r.started_at, r.finished_at,
           count(*) over () as looked_at,
           sum(coalesce(octet_length(r.result), 0) + coalesce(octet_length(r.failure), 0) + 512)
               over (order by i.item rows between unbounded preceding and 1 preceding) as before
    from (
        select i.item, i.id from batch_items i
        where i.run_id = $1 and i.step_key = $2 and i.item > $3
        order by i.item
        limit $4
    ) i
    left join lateral (
        select r.result, r.failure, r.try_number, r.worker, r.started_at, r.finished_at
        from batch_results r
        where r.run_id = $1 and r.step_key = $2 and r.item = i.item
        limit 1
    ) r on true
) page
where coalesce(before, 0) < $5
order by item
