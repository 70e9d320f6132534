-- Removes triggers. $1 triggers, $2 org.
delete from triggers t where t.id = any ($1) and t.org = $2
