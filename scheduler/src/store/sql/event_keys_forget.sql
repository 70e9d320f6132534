-- Forgets keys of events whose window is over. $1 rows.
delete from event_keys where ctid = any (array(
    select k.ctid from event_keys k where k.expires_at < now() order by k.expires_at limit $1
))
