-- A batch of a run. $1 run, $2 its key, $3 org.
select b.run_id, b.step_key, b.queue, b.build, b.function, b.ends, b.max_concurrency, b.on_failure, b.status, b.total,
       b.sealed_at is not null as sealed, b.released, b.completed, b.failed, b.cancelled, b.item_millis, b.created_at,
       b.released_at, b.finished_at
from batches b
where b.run_id = $1 and b.step_key = $2 and b.org = $3
