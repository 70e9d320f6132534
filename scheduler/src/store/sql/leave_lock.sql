-- A worker leaves by its own wish. $1 the worker.
select id from workers where id = $1 and coalesce(ended_at, 'infinity') = 'infinity' for update
