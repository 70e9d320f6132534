-- The dispatched steps of a run that are open, oldest first. $1 run, $2 rows.
select step_key, item, function, queue, build, try_number, failed_tries, stopped, offered_at, due_at, published_at, worker, held_at
from dispatches where run_id = $1 order by step_key, item limit $2
