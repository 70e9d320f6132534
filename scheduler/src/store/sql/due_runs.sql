-- Runs with a timer that is due, without locking. $1 rows.
select run_id from (select run_id, due_at from waits where due_at <= clock_timestamp() order by due_at limit $1) d group by run_id
