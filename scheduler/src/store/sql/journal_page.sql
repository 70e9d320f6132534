-- A page of a run's journal, by key. $1 run, $2 last key of the page before, $3 rows.
select step_key, kind, name, input, result, failure, own, after, outside, worker, try_number, started_at, finished_at
from journal
where run_id = $1 and step_key > $2
order by step_key
limit $3
