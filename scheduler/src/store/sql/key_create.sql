-- Keeps a key. $1 id, $2 org, $3 name, $4 public prefix, $5 hash, $6 scopes, $7 microseconds until it expires or null,
-- $8 the key that made it or null.
insert into api_keys (id, org, name, prefix, hash, scopes, expires_at, created_by)
select $1, o.org, $3, $4, $5, $6, now() + $7::bigint * interval '1 microsecond', $8
from orgs o where o.org = $2
returning created_at, expires_at
