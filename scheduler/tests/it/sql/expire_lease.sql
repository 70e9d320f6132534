-- A worker's lease is over since a second. $1 the worker.
update workers set lease_until = clock_timestamp() - interval '1 second' where id = $1
