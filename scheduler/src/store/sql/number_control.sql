-- Draws the next control version of an org; its row is the lock that makes version order commit order. $1 org.
update orgs set control_version = control_version + 1 where org = $1 returning control_version
