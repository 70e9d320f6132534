-- Lets a try be due. $1 the run.
update dispatches set due_at = clock_timestamp() - interval '1 second' where run_id = $1 and due_at is not null
