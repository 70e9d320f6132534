-- Keeps sweeps away from events that are being matched, for a while. $1 events, $2 microseconds.
update unmatched u set due_at = now() + $2 * interval '1 microsecond'
where u.event_id = any (array(
    select w.event_id from unmatched w where w.event_id = any ($1) order by w.event_id for update skip locked
))
