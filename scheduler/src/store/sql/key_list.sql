select id, name, prefix, scopes, created_at, created_by, expires_at, last_used_at, revoked_at
from api_keys where org = $1 order by created_at limit $2
