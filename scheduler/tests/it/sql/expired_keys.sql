-- So many idempotency keys whose window is over.
insert into start_keys (org, key, run_id, fingerprint, expires_at)
select 'default', 'k' || n, gen_random_uuid(), '\x00', now() - interval '1 hour' from generate_series(1, $1) n
