-- Nobody has looked at any schedule for so many minutes. $1 minutes.
update schedules
set next_at = date_trunc('minute', now()) - $1 * interval '1 minute',
    fire_at = date_trunc('minute', now()) - $1 * interval '1 minute'
