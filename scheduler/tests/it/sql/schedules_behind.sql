-- Schedules whose time has come a moment ago and that nobody has looked at.
select count(*) from schedules where state = 'active' and fire_at < now()
