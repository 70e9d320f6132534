-- Shuts the gate of the hot append. $1 the run.
select pg_advisory_xact_lock(1) from runs where id = $1
