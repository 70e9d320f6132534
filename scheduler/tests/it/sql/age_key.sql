-- The window of an idempotency key is over. $1 the key.
update start_keys set expires_at = clock_timestamp() - interval '1 second' where key = $1
