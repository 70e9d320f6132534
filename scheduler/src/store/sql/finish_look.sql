-- Which of these ends are journaled already: their first answer was lost. $1–$4 runs, keys, workers, tries.
select a.place
from unnest($1::uuid[], $2::text[], $3::uuid[], $4::int[]) with ordinality as a (run_id, step_key, worker, try_number, place)
cross join lateral (
    select j.worker, j.try_number from journal j where j.run_id = a.run_id and j.step_key = a.step_key and j.attempt is null limit 1
) j
where j.worker = a.worker and j.try_number = a.try_number
