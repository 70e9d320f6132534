-- A repetition of which there are enough on record. $1 id.
delete from deliveries where id = $1 and verdict = 'taken'
