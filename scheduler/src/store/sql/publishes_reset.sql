-- Forgets how patient publishes were: their stream was made anew, so each is overdue now. $1 patience in microseconds, $2 rows.
--
-- As still_waiting it holds no run's lock, and so leaves a row alone that is locked this instant.
with patient as materialized (
    select d.run_id
    from ready d
    where d.published_at is not null
      and (d.published_at > statement_timestamp() - $1 * interval '1 microsecond' or d.rounds > 0 or d.looked_at is not null)
    limit $2
    for no key update skip locked
)
update ready d
set published_at = least(d.published_at, statement_timestamp() - ($1 + 1) * interval '1 microsecond'), rounds = 0, looked_at = null
where d.run_id = any (array(select run_id from patient))
