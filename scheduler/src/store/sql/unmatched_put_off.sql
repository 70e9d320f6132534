-- Puts off an event whose matching failed by a fault of Piton: longer after each failure, five minutes at most. $1 event.
update unmatched u
set failures = least(u.failures + 1, 1000000), due_at = now() + least(power(2, least(u.failures, 20)), 300) * interval '1 second'
where u.event_id = $1
