-- A worker ended, and nobody looked at what it holds. $1 the worker.
update workers set ended_at = clock_timestamp(), end_reason = 'left' where id = $1
