-- Locks what an org's triggers are changed under. $1 org.
select o.trigger_version from orgs o where o.org = $1 for no key update
