-- How long a worker's lease runs after each heartbeat, as its registration was told: every scheduler renews it by this and not
-- by its own configuration. Null: registered by a scheduler that did not write it yet.
alter table workers add column lease_micros bigint check (lease_micros > 0);
