-- The second look at appends whose runs were not found in their hands, or locked. $1 runs, $2 attempts, $3 workers.
select r.state,
       (r.attempt is not distinct from a.attempt and coalesce(r.worker = a.worker, true)) as mine,
       r.append_number,
       r.outside
from unnest($1::uuid[], $2::uuid[], $3::uuid[]) with ordinality as a (run_id, attempt, worker, place)
left join lateral (select * from runs r where r.id = a.run_id limit 1) r on true
order by a.place
