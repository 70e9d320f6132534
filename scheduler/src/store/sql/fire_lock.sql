-- Locks those of the runs that nobody else has locked, and says where they stand and belong. $1 the runs.
select id, org, queue, build, state from runs where id = any ($1) order by id for no key update skip locked
