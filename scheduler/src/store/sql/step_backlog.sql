-- The next work of a queue that waits for room, oldest runs first. $1 org, $2 queue, $3 build or null, $4 rows.
select run_id, step_key, item, org, queue, build, function, epoch
from dispatches
where worker is null and published_at is null and due_at is null and stopped is null
  and org = $1 and queue = $2 and coalesce(build, '') = coalesce($3, '')
order by run_id, step_key, item
limit $4
