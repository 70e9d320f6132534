-- forget_workers
-- Forgets workers that ended long ago. $1 how long in microseconds, $2 rows. Whoever still holds something is kept.
delete from workers
where id in (
    select w.id from workers w
    where w.ended_at < clock_timestamp() - $1 * interval '1 microsecond'
      and not exists (select 1 from held h where h.worker = w.id)
    limit $2
    for update skip locked
)
