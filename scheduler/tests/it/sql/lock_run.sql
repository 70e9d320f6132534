-- $1 the run.
select id from runs where id = $1 for no key update
