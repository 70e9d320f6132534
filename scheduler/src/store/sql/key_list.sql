-- The newest $2 keys of an org, in the order in which they were made.
select id, name, prefix, scopes, created_at, created_by, expires_at, last_used_at, revoked_at
from (select * from api_keys where org = $1 order by created_at desc, id desc limit $2) newest
order by created_at, id
