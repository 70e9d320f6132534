-- Controls of an org after a version. $1 org, $2 version, $3 rows.
select version, run_id, action from controls where org = $1 and version > $2 order by version limit $3
