-- A run whose worker died twice in a row runs alone in a worker's process, and is parked only if it dies there too.

-- Set before such a run begins: from then on nothing else is executed in its worker's process.
alter table held add column alone_since timestamptz;
-- Nobody is alone twice.
create unique index held_alone on held (worker) where alone_since is not null;

-- A solitary worker is kept for one run and takes nothing else meanwhile.
alter table workers drop constraint workers_intent_check;
alter table workers add constraint workers_intent_check check (intent in ('working', 'draining', 'solitary'));
