-- A worker ended that many seconds ago. $1 the worker, $2 seconds.
update workers set ended_at = clock_timestamp() - $2 * interval '1 second' where id = $1
