-- The watch over schedules: its last look and its first, so many seconds ago. $1 and $2 seconds.
update schedule_watch
set looked_at = now() - $1 * interval '1 second', since = now() - $2 * interval '1 second'
