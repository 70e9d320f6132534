-- The one door by which a lease ends. Waits for claims under way (they hold the row for key share). $1 the worker.
select id from workers where id = $1 and coalesce(ended_at, 'infinity') = 'infinity' and lease_until < clock_timestamp() for update
