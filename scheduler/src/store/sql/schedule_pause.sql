-- Pauses a schedule; its lock is held. $1 schedule.
update schedules set state = 'paused', paused_at = now() where id = $1
