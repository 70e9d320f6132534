-- Triggers may have whatever rule for inputs, as under a later version.
alter table triggers drop constraint triggers_input_rule_check
