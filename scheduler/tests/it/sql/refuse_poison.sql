-- From now on no run of the workflow `poison` can be written, whoever tries.
alter table runs add constraint nobody_takes_poison check (workflow <> 'poison')
