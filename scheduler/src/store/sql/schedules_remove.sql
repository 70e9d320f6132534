-- Deletes schedules. What they fired is forgotten when it is old enough. $1 schedules.
delete from schedules where id = any ($1)
