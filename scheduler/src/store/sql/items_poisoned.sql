-- Items of batches that died with their worker once more, and too often; their runs are locked, and nothing is taken out of
-- the worker's hands yet. $1 the worker, $2 the runs, $3 the strikes that are too many.
select d.run_id, d.step_key, d.item, d.hold, d.try_number, d.strikes + 1 as struck, d.held_at, clock_timestamp() as died_at
from dispatches d
where d.worker = $1 and d.worker is not null and d.run_id = any ($2) and d.item > 0 and d.strikes + 1 >= $3
order by d.run_id, d.step_key, d.item
