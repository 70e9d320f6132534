-- Events whose matching is owed for a while. $1 microseconds, $2 rows.
select u.event_id from unmatched u where u.since < now() - $1 * interval '1 microsecond' order by u.event_id limit $2
