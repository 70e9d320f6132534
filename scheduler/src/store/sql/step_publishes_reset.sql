-- Forgets how patient publishes were: their stream was made anew, so each is overdue now. $1 patience in microseconds, $2 rows.
with patient as materialized (
    select d.ctid as place_of
    from dispatches d
    where d.published_at is not null
      and (d.published_at > statement_timestamp() - $1 * interval '1 microsecond' or d.rounds > 0 or d.looked_at is not null)
    limit $2
    for no key update skip locked
)
update dispatches d
set published_at = least(d.published_at, statement_timestamp() - ($1 + 1) * interval '1 microsecond'), rounds = 0, looked_at = null
from patient p
where d.ctid = p.place_of
