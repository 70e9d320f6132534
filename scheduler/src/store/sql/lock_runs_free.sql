-- Locks those of the runs that nobody else has locked. $1 the runs.
select id from runs where id = any ($1) order by id for no key update skip locked
