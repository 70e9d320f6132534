-- So many events that are older than any that is kept, and started nothing. $1 how many.
insert into events (id, org, name, data, origin, accepted_at)
select ('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'default', 'order.paid', '\xc0', 'published', now() - interval '1 year'
from generate_series(1, $1) n
