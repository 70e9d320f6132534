-- Runs that were told exactly one row, from outside, and wait for nothing more.
select count(*)
from runs r
where r.outside = 1
  and (select count(*) from journal j where j.run_id = r.id) = 1
  and (select count(*) from waits w where w.run_id = r.id) = 0
