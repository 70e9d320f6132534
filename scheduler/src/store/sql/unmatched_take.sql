-- Takes the debt of events, as far as nobody else is at it, and says with which triggers' version. $1 events.
--
-- The version is that of this statement's sight: triggers that are known under it are those that count.
with owed as materialized (
    select u.event_id from unmatched u
    where u.event_id = any ($1)
      -- Those of a disabled org stay owed.
      and (select o.disabled_at is null from orgs o where o.org = u.org)
    order by u.event_id for update skip locked
),
taken as (
    delete from unmatched u where u.event_id = any (array(select w.event_id from owed w)) returning u.event_id
)
select e.id, e.org, e.name, e.given_id, e.data, e.envelope, e.origin, e.provider, e.endpoint, e.delivery, e.replayed_from,
       e.only_workflow, e.occurred_at, e.accepted_at, e.trace, o.trigger_version
from taken t
cross join lateral (select e.* from events e where e.id = t.event_id offset 0) e
cross join lateral (select o.trigger_version from orgs o where o.org = e.org offset 0) o
order by e.id
