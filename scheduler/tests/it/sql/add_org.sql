-- $1 a name.
insert into orgs (org) values ($1)
