-- Takes the debt of events, as far as nobody else is at it. $1 events, $2 the version of triggers and definitions that each was
-- matched under, null for any.
--
-- One that was matched under another version than the present one is not taken: its matching is computed anew.
with owed as materialized (
    select u.event_id, u.org from unmatched u
    where u.event_id = any ($1)
      -- Those of a disabled org stay owed.
      and (select o.disabled_at is null from orgs o where o.org = u.org)
    order by u.event_id for update skip locked
),
compared as materialized (
    select w.event_id, coalesce(a.version = o.trigger_version, true) as taken
    from owed w
    cross join lateral (
        select a.version from unnest($1::uuid[], $2::bigint[]) as a (event_id, version) where a.event_id = w.event_id limit 1
    ) a
    cross join lateral (select o.trigger_version from orgs o where o.org = w.org offset 0) o
),
taken as (
    delete from unmatched u where u.event_id = any (array(select c.event_id from compared c where c.taken))
)
select c.event_id, c.taken from compared c order by c.event_id
