-- Nobody has looked at a schedule since a New Year, so many years before the last one. $1 its name, $2 years.
update schedules
set next_at = (date_trunc('year', now() at time zone 'UTC') - $2 * interval '1 year') at time zone 'UTC',
    fire_at = (date_trunc('year', now() at time zone 'UTC') - $2 * interval '1 year') at time zone 'UTC'
where name = $1
