-- The second look at appends that were not written whole: the first statement's snapshot could not see the winners.
-- $1 runs, $2 attempts, $5 workers; $3–$4 the keys they wanted to write. A row of the same attempt is a repeat of this very
-- append, whose answer was lost.
select r.state,
       (r.attempt is not distinct from a.attempt and coalesce(r.worker = a.worker, true)) as mine,
       r.append_number,
       r.outside,
       not exists (
           select 1
           from unnest($3::uuid[], $4::text[]) as k (run_id, step_key)
           cross join lateral (
               select 1 from journal j
               where j.run_id = k.run_id and j.step_key = k.step_key and j.attempt is distinct from a.attempt limit 1
           ) other
           where k.run_id = a.run_id
       ) as no_other_winner,
       not exists (
           select 1
           from unnest($3::uuid[], $4::text[]) as k (run_id, step_key)
           where k.run_id = a.run_id
             and not exists (select 1 from journal j where j.run_id = k.run_id and j.step_key = k.step_key)
       ) as all_there
from unnest($1::uuid[], $2::uuid[], $5::uuid[]) with ordinality as a (run_id, attempt, worker, place)
left join lateral (select * from runs r where r.id = a.run_id limit 1) r on true
order by a.place
