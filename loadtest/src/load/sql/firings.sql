-- What schedules have started: when each was to fire, how much later the transaction began that started its run, and how
-- much later the run ended (null: it has not); in microseconds.
select coalesce(json_agg(json_build_array(
    (extract(epoch from f.occurrence) * 1000000)::bigint,
    (extract(epoch from f.at - f.occurrence) * 1000000)::bigint,
    (extract(epoch from r.finished_at - f.occurrence) * 1000000)::bigint
)), '[]')
from firings f
join schedules s on s.id = f.schedule_id and s.name like 'load-%'
left join runs r on r.id = f.run_id
where f.outcome = 'started' and f.cause = 'rhythm';
