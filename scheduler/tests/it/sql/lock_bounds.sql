-- How long a connection may hold what it has locked while it does nothing, in milliseconds.
select setting::bigint from pg_settings
where name in ('idle_in_transaction_session_timeout', 'lock_timeout')
