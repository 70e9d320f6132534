-- The failed tries of a run. $1 run, $2 rows.
select step_key, try_number, name, failure, worker, started_at, finished_at
from tries where run_id = $1 order by started_at, step_key, try_number limit $2
