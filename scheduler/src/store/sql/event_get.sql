-- One event. $1 event, $2 org.
select e.* from events e where e.id = $1 and e.org = $2
