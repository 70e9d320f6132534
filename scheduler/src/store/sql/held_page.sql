-- A page of what live workers are said to hold for a while, to ask them. $1 the last run of the page before,
-- $2 how long in microseconds, $3 rows.
select h.run_id, h.worker, h.attempt
from held h
where h.run_id > $1 and h.since < clock_timestamp() - $2 * interval '1 microsecond'
order by h.run_id
limit $3
