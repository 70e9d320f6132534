-- Whoever numbers a control waits. $1 is not used.
select org from orgs where org = 'default' and $1::uuid is not null for update
