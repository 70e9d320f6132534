-- A page of the values of a run or a session, by name. $1 org, $2 scope, $3 owner, $4 the last name known, $5 rows.
select name, value, version, written_at
from state
where org = $1 and scope = $2 and owner = $3 and name > $4 and value is not null
order by name
limit $5
