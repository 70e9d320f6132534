-- Forgets idempotency keys whose window is over. $1 rows.
delete from start_keys where (org, key) in (select org, key from start_keys where expires_at < now() limit $1)
