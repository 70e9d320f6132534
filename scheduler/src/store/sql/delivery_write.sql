-- Writes what arrived. $1 id, $2 endpoint, $3 org, $4 remote address, $5 forwarded, $6 verdict, $7 reason, $8 status,
-- $9 the provider's id, $10 its event's name, $11 bytes, $12 SHA-256, $13 headers, $14 body, $15 secret.
insert into deliveries (id, webhook, org, remote, forwarded, verdict, reason, status, delivery_id, event_type, size, sha256, headers, body, secret)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
