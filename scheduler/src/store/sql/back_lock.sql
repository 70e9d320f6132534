-- A process says that it lives whose registration is over. $1 the worker, $2 its org.
select ended_at is not null as ended, struck from workers where id = $1 and org = $2 for update
