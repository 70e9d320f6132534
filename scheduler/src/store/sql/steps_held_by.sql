-- Runs of the dispatched work that a worker executes. $1 the worker.
select run_id from dispatches where worker = $1 and worker is not null group by run_id order by run_id
