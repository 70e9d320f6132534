-- Lock first, look after: locks runs by id alone, in id order. $1 the runs.
select id from runs where id = any ($1) order by id for no key update
