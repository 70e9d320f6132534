-- What earlier attempts of these runs left open: failed tries without a result, and timers. $1 the runs.
select coalesce(t.run_id, w.run_id) as run_id,
       coalesce(t.step_key, w.step_key) as step_key,
       coalesce(t.failed_tries, 0)::int as failed_tries,
       coalesce(t.last_try, 0) as last_try,
       t.first_started_at,
       t.last_failed_at,
       w.kind as waiting
from (
    select t.run_id, t.step_key, count(*) as failed_tries,
           -- More than those that failed, where some were interrupted: their numbers are never used again.
           max(t.try_number) as last_try,
           min(t.started_at) as first_started_at, max(t.finished_at) as last_failed_at
    from tries t
    where t.run_id = any ($1)
      and not exists (select 1 from journal j where j.run_id = t.run_id and j.step_key = t.step_key)
    group by t.run_id, t.step_key
) t
full join (select * from waits where run_id = any ($1)) w
    -- A retry's timer has a key of its own, `step~try`; it stands for the step.
    on w.run_id = t.run_id and (case when w.kind = 'retry' then regexp_replace(w.step_key, '~[0-9]+$', '') else w.step_key end) = t.step_key
