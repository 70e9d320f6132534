-- A worker has not ended after all. $1 the worker.
update workers set ended_at = null, end_reason = null where id = $1
