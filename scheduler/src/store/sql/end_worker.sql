-- Marks a worker ended. $1 the worker, $2 the reason, $3 the runs that are struck by it, or whose dispatched work is.
update workers
set ended_at = clock_timestamp(), end_reason = $2, free_runs = 0, free_steps = 0, under_way = '[]', struck = $3
where id = $1
