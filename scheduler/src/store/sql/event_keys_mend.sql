-- Keys that a repeated event has taken, beside one that was taken before: they are the earlier event's too, whoever comes with
-- them alone. $1–$4 one array a column: org, space, key, the earlier event.
update event_keys k
set event_id = a.event
from unnest($1::text[], $2::text[], $3::text[], $4::uuid[]) as a (org, space, key, event)
where k.org = a.org and k.space = a.space and k.key = a.key
