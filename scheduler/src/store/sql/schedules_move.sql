-- Moves schedules on; their locks are held. One array a column: $1 schedule, $2 next occurrence, $3 when it fires, $4 last
-- occurrence looked at or null, $5 occurrence that waits, $6 run that was started or null.
update schedules s
set next_at = a.next_at, fire_at = a.fire_at, last_at = coalesce(a.last_at, s.last_at), waiting_at = a.waiting_at,
    last_run = coalesce(a.last_run, s.last_run)
from unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[], $4::timestamptz[], $5::timestamptz[], $6::uuid[])
    as a (id, next_at, fire_at, last_at, waiting_at, last_run)
where s.id = a.id and s.id = any ($1)
