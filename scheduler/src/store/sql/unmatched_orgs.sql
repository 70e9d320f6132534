-- Orgs that have events whose matching is owed, in their order. $1 the org after which to begin, $2 rows.
with recursive owing (org, number) as (
    (select u.org, 1 from unmatched u where u.org > $1 order by u.org limit 1)
    union all
    select next.org, w.number + 1
    from owing w
    cross join lateral (select u.org from unmatched u where u.org > w.org order by u.org limit 1) next
    where w.number < $2
)
select w.org from owing w
