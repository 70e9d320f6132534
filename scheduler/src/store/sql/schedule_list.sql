-- A page of schedules, by their names. $1 org, $2 after this name, $3 workflow or null, $4 rows.
select id, org, name, workflow, queue, build, expression, time_zone, overlap, catch_up, jitter_millis, input, tags, origin, created_at,
       changed_at, paused_at, state, next_at, fire_at, last_at, waiting_at, last_run, now() as now
from schedules
where org = $1 and name > $2 and ($3::text is null or workflow = $3)
order by name
limit $4
