-- A page of what arrived at an endpoint, the newest first, without bodies. $1 endpoint, $2 before this id or null, $3 verdict
-- or null, $4 rows.
select id, webhook, received_at, remote, forwarded, verdict, reason, status, delivery_id, event_type, size, sha256, headers,
       null::bytea as body, secret, event
from deliveries
where webhook = $1
  and id < coalesce($2::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
  and ($3::text is null or verdict = $3)
order by id desc
limit $4
