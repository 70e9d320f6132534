-- What the database holds of the demo, asked without Piton.
select json_build_object(
    'workflows', (
        select json_agg(w order by w.workflow) from (
            select r.workflow, count(*) as runs, count(*) filter (where r.state = 'completed') as completed,
                   count(*) filter (where r.attempts > 1) as taken_over,
                   coalesce(percentile_cont(0.5) within group (order by extract(epoch from r.finished_at - r.created_at) * 1000), 0) as median_ms,
                   coalesce(max(extract(epoch from r.finished_at - r.created_at) * 1000), 0) as longest_ms
            from runs r group by r.workflow
        ) w
    ),
    'unfinished', (select count(*) from runs where finished_at is null),
    'lost_workers', (select count(*) from workers where end_reason = 'lease_over'),
    'events', (select count(*) from events),
    'refused', (select count(*) from deliveries where verdict = 'refused'),
    'firings', (select count(distinct occurrence) from firings where outcome = 'started'),
    'seconds', (select coalesce(extract(epoch from max(occurrence) - min(occurrence))::int + 1, 0) from firings),
    'fired_runs', (select count(distinct run_id) from firings where outcome = 'started')
);
