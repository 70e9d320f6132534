-- Changes a schedule; its lock is held. $1 schedule, $2–$11 its columns, $12 next occurrence, $13 when that fires.
update schedules
set workflow = $2, queue = $3, build = $4, expression = $5, time_zone = $6, overlap = $7, catch_up = $8, jitter_millis = $9,
    input = $10, tags = string_to_array($11, ','), next_at = $12, fire_at = $13, changed_at = now()
where id = $1
