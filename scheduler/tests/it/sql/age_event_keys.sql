-- The window of every key of an event is over. $1 event.
update event_keys set expires_at = now() - interval '1 second' where event_id = $1
