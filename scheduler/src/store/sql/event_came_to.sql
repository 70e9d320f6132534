-- What events came to so far. $1 events. One row for each thing that came of one, and one for an event of which nothing did.
select a.event_id, exists (select from unmatched u where u.event_id = a.event_id) as owed, r.place, r.trigger_id, r.workflow,
       r.run_id, r.reason, r.detail
from unnest($1::uuid[]) with ordinality as a (event_id, position)
left join lateral (select r.* from event_runs r where r.event_id = a.event_id order by r.place) r on true
order by a.position, r.place
