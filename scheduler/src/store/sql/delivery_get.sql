-- One delivery. $1 id, $2 org.
select id, webhook, received_at, remote, forwarded, verdict, reason, status, delivery_id, event_type, size, sha256, headers,
       body, secret, event
from deliveries
where id = $1 and org = $2
