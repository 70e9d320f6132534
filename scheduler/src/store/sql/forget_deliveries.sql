-- Forgets what arrived long ago. $1 how long in microseconds, $2 rows.
delete from deliveries where id in (
    select id from deliveries where received_at < now() - $1 * interval '1 microsecond' order by received_at limit $2
)
