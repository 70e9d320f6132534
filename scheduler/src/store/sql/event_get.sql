-- One event. $1 event, $2 org.
select e.id, e.org, e.name, e.given_id, e.data, e.envelope, e.origin, e.provider, e.endpoint, e.delivery, e.replayed_from,
       e.only_workflow, e.occurred_at, e.accepted_at, e.trace
from events e
where e.id = $1 and e.org = $2
