-- A schedule by its name, locked. $1 org, $2 name.
select id, org, name, workflow, queue, build, expression, time_zone, overlap, catch_up, jitter_millis, input, tags, origin, created_at,
       changed_at, paused_at, state, next_at, fire_at, last_at, waiting_at, last_run, now() as now
from schedules
where org = $1 and name = $2
for update
