-- Reads events whose matching is owed, each with the version of its org's triggers and definitions. $1 events.
select e.id, e.org, e.name, e.given_id, e.data, e.envelope, e.origin, e.provider, e.endpoint, e.delivery, e.replayed_from,
       e.only_workflow, e.occurred_at, e.accepted_at, e.trace, o.trigger_version
from unmatched u
cross join lateral (
    select e.id, e.org, e.name, e.given_id, e.data, e.envelope, e.origin, e.provider, e.endpoint, e.delivery,
           e.replayed_from, e.only_workflow, e.occurred_at, e.accepted_at, e.trace
    from events e where e.id = u.event_id offset 0
) e
cross join lateral (select o.trigger_version from orgs o where o.org = e.org and o.disabled_at is null offset 0) o
where u.event_id = any ($1)
order by u.event_id
