-- A worker leaves by its own wish. $1 the worker.
select id from workers where id = $1 and ended_at is null for update
