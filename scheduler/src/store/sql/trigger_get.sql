-- One trigger. $1 trigger, $2 org.
select t.* from triggers t where t.id = $1 and t.org = $2
