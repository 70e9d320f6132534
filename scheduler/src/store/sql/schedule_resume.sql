-- Lets a schedule fire again; its lock is held. $1 schedule, $2 next occurrence, $3 when that fires.
update schedules set state = 'active', paused_at = null, next_at = $2, fire_at = $3 where id = $1
