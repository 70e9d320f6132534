-- Runs that ended well after they were told one row from outside and were held once more than before.
select count(*)
from runs r
where r.state = 'completed' and r.outside = 1 and r.attempts = 2
