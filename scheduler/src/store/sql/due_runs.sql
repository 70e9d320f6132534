-- Runs with a timer that is due, without locking. $1 rows, $2 rows to pass over. By the statement's time: a volatile clock
-- could not bound the index, and every look would read all timers there are.
select run_id
from (select run_id, due_at from waits where due_at <= statement_timestamp() order by due_at limit $1 offset $2) d
group by run_id
