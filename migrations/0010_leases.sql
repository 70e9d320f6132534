-- How long a worker's lease runs after each heartbeat, as its registration was told: every scheduler renews it by this and not
-- by its own configuration. Null: registered by a scheduler that did not write it yet.
alter table workers add column lease_micros bigint check (lease_micros > 0);

-- A crash of a worker is told from a lease that ended while its process lived: such a process says so when it registers anew, and
-- what its lease's end left on runs and dispatched work is taken back where no later one did.
alter table workers add column struck uuid[];            -- the runs that the end of its lease struck, or whose dispatched work it did
alter table runs add column struck_by uuid;              -- the worker whose lease's end struck it last
alter table dispatches add column struck_by uuid;        -- likewise
-- How many runs whose workers' leases ended again and again may be in one worker's process with this one, itself included. It
-- counts from the second such end in a row on.
alter table runs add column company integer check (company > 0);
