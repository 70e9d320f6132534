-- A page of events, newest first. $1 org, $2 before this id or null, $3 a regular expression of names or null, $4 since or
-- null, $5 until or null, $6 rows.
select e.id, e.org, e.name, e.given_id, null::bytea as data, null::bytea as envelope, e.origin, e.provider, e.endpoint, e.delivery,
       e.replayed_from, e.only_workflow, e.occurred_at, e.accepted_at, e.trace
from events e
where e.org = $1
  and e.id < coalesce($2::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
  and ($3::text is null or e.name ~ $3)
  and ($4::timestamptz is null or e.accepted_at >= $4)
  and ($5::timestamptz is null or e.accepted_at < $5)
order by e.id desc
limit $6
