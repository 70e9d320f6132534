-- A definition was last said that many seconds ago. $1 its name, $2 seconds.
update definitions
set first_seen_at = first_seen_at - $2 * interval '1 second', seen_at = seen_at - $2 * interval '1 second'
where name = $1
