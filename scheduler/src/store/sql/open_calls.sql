-- What earlier attempts of these runs left open, a page of each by key: failed tries without a result, timers, work that was
-- given away, batches. $1 the runs, $2 the last key of the page before, $3 rows of each.
select runs.run_id, page.step_key, page.failed_tries, page.last_try, page.first_started_at, page.last_failed_at, page.waiting,
       page.items, page.sealed_at
from unnest($1::uuid[]) as runs (run_id)
cross join lateral (
    select * from (
        select coalesce(t.step_key, w.step_key) as step_key,
               coalesce(t.failed_tries, 0)::int as failed_tries,
               coalesce(t.last_try, 0) as last_try,
               t.first_started_at,
               t.last_failed_at,
               w.kind as waiting,
               0 as items,
               null::timestamptz as sealed_at
        from (
            select t.step_key, count(*) as failed_tries,
                   -- More than those that failed, where some were interrupted: their numbers are never used again.
                   max(t.try_number) as last_try,
                   min(t.started_at) as first_started_at, max(t.finished_at) as last_failed_at
            from tries t
            where t.run_id = runs.run_id
              -- A key that ends in a number is that of an item, which is the batch's own affair.
              and t.step_key !~ '/[0-9]+$'
              and not exists (select 1 from journal j where j.run_id = t.run_id and j.step_key = t.step_key)
              and not exists (select 1 from dispatches d where d.run_id = t.run_id and d.step_key = t.step_key)
            group by t.step_key
        ) t
        full join (
            -- A retry's timer has a key of its own, `step~try`; it stands for the step.
            select *, case when kind = 'retry' then regexp_replace(step_key, '~[0-9]+$', '') else step_key end as stands_for
            from waits where run_id = runs.run_id
        ) w on w.stands_for = t.step_key
        union all
        select d.step_key, d.failed_tries, d.failed_tries, d.first_started_at, null, 'dispatched', 0, null
        from dispatches d where d.run_id = runs.run_id and d.item = 0
        union all
        select b.step_key, 0, 0, null, null, 'batch', b.total, b.sealed_at
        from batches b where b.run_id = runs.run_id and b.status = 'running'
    ) open
    where open.step_key > $2
    order by open.step_key
    limit $3
) page
