-- A page of triggers, newest first. $1 org, $2 before this id or null, $3 workflow or null, $4 rows.
select t.* from triggers t
where t.org = $1
  and ($2::uuid is null or t.id < $2)
  and ($3::text is null or t.workflow = $3)
order by t.id desc
limit $4
