-- What a worker holds. $1 the worker.
select run_id from held where worker = $1 order by run_id
