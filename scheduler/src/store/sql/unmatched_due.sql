-- Events whose matching is owed for a while. $1 microseconds, $2 rows.
select u.event_id from unmatched u
where u.since < now() - $1 * interval '1 microsecond'
  -- Those of a disabled org stay owed.
  and (select o.disabled_at is null from orgs o where o.org = u.org)
order by u.event_id limit $2
