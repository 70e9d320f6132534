-- An event is owed, and put off for an hour: no sweep pays it. $1 event.
insert into unmatched (event_id, org, due_at) values ($1, 'default', now() + interval '1 hour')
