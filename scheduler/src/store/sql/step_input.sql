-- The input of dispatched work, if this hold of this worker counts. $1 run, $2 key, $3 item, $4 hold, $5 worker.
select input from dispatches where run_id = $1 and step_key = $2 and item = $3 and hold = $4 and worker = $5
