-- Which of these ends of items stand there already: their first answer was lost. $1–$5 runs, keys, items, workers, tries.
select e.place
from unnest($1::uuid[], $2::text[], $3::int[], $4::uuid[], $5::int[]) with ordinality
    as e (run_id, step_key, item, worker, try_number, place)
cross join lateral (
    select r.worker, r.try_number
    from batch_results r
    where r.run_id = e.run_id and r.step_key = e.step_key and r.item = e.item
    limit 1
) r
where r.worker = e.worker and r.try_number = e.try_number
