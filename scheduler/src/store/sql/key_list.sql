select id, name, prefix, created_at, revoked_at from api_keys where org = $1 order by created_at limit $2
