-- Refuses every firing that was missed, as a fault of ours might.
alter table firings add constraint none_is_missed check (outcome <> 'missed') not valid
