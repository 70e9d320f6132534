-- Whether the worker that held the run has applied the control, or its lease has ended. $1 worker, $2 version.
select coalesce((select w.ended_at is not null or w.control_applied >= $2 from workers w where w.id = $1), true)
