-- Whether each of these workers has applied the control, or its lease has ended. $1 workers, $2 version.
select count(*) = 0
from unnest($1::uuid[]) as h (worker)
cross join lateral (
    select 1 from workers w where w.id = h.worker and w.ended_at is null and w.control_applied < $2 limit 1
) behind
