-- The declared schedules of a workflow, locked. $1 org, $2 workflow.
select id, org, name, workflow, queue, build, expression, time_zone, overlap, catch_up, jitter_millis, input, tags, origin, created_at,
       changed_at, paused_at, state, next_at, fire_at, last_at, waiting_at, last_run, now() as now
from schedules
where org = $1 and workflow = $2 and origin = 'declared'
for update
