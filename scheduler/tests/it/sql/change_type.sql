-- As a migration does that changes what a statement answers.
alter table events alter column trace type varchar(200)
