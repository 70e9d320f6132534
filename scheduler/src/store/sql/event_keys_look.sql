-- The events behind keys. $1–$3 one array a column: org, space, key. One row for each that is held, by its place.
select a.place, k.event_id, coalesce(e.accepted_at, now()) as accepted_at
from unnest($1::text[], $2::text[], $3::text[]) with ordinality as a (org, space, key, place)
cross join lateral (
    select k.event_id from event_keys k where k.org = a.org and k.space = a.space and k.key = a.key offset 0
) k
left join lateral (select e.accepted_at from events e where e.id = k.event_id offset 0) e on true
