-- A worker registered a minute ago. $1 the worker.
update workers set registered_at = clock_timestamp() - interval '1 minute' where id = $1
