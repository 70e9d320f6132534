-- A page of the dispatched work that live workers are said to execute for a while, to ask them. $1–$3 the last of the
-- page before, $4 how long in microseconds, $5 rows.
select d.run_id, d.step_key, d.item, d.worker, d.hold
from dispatches d
where (d.run_id, d.step_key, d.item) > ($1, $2, $3)
  and d.held_at < clock_timestamp() - $4 * interval '1 microsecond'
order by d.run_id, d.step_key, d.item
limit $5
