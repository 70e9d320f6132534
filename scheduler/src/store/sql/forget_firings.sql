-- Forgets firings that are older than they are kept. $1 seconds, $2 rows.
delete from firings where ctid = any (array(
    select f.ctid from firings f where f.at < now() - $1 * interval '1 second' order by f.at limit $2
))
