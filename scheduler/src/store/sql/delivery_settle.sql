-- What became of a delivery that was taken. $1 id, $2 verdict, $3 event, $4 body or null.
update deliveries set verdict = $2, event = $3, body = $4 where id = $1 and verdict = 'taken'
