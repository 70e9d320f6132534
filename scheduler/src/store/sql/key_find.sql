-- $1 the key's public prefix.
select id, org, hash from api_keys where prefix = $1 and revoked_at is null
