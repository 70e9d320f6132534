-- One maker of templates at a time, over every process of a test run. $1 a key.
select pg_advisory_lock($1)
