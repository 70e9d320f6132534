-- Rows from outside after a number. $1 run, $2 the last number known, $3 rows.
select step_key, kind, name, input, result, failure, own, after, outside, worker, try_number, started_at, finished_at
from journal
where run_id = $1 and outside > $2
order by outside
limit $3
