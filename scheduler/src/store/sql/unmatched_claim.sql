-- Claims events whose matching is due, for a while in which no other sweep takes them up. As many of each org, so that no org
-- waits behind another's. $1 orgs, $2 rows of each, $3 microseconds.
with due as materialized (
    select d.event_id
    from unnest($1::text[]) as a (org)
    cross join lateral (
        select u.event_id from unmatched u where u.org = a.org and u.due_at <= now()
        order by u.due_at limit $2 for update skip locked
    ) d
    -- Those of a disabled org stay owed.
    where (select o.disabled_at is null from orgs o where o.org = a.org)
)
update unmatched u set due_at = now() + $3 * interval '1 microsecond'
where u.event_id = any (array(select d.event_id from due d))
returning u.event_id, u.org
