-- Forgets keys of events whose window is over. $1 rows.
delete from event_keys where (org, space, key) in (
    select org, space, key from event_keys where expires_at < now() order by expires_at limit $1
)
