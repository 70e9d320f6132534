-- tries_after
-- The failed tries of a run that ended after this time, in that order. $1 run, $2 the time, $3 rows.
select step_key, try_number, name, failure, worker, started_at, finished_at
from tries where run_id = $1 and finished_at > $2 order by finished_at, step_key, try_number limit $3
