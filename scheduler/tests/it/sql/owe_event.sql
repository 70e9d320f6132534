-- An event is owed, from a time that has not come: no sweep pays it. $1 event.
insert into unmatched (event_id, org, since) values ($1, 'default', now() + interval '1 hour')
