-- Matching of events: fair between orgs, and put off where it fails. Declarations: by the rollout of builds.

-- When a sweep may take an event up: not while its acceptor, or another scheduler, is matching it. Later after each failure.
alter table unmatched add column due_at timestamptz not null default now() + interval '1 second';
alter table unmatched add column failures integer not null default 0 check (failures >= 0);
-- Each org's events in the order in which they are due.
create index unmatched_of_org on unmatched (org, due_at);

-- When a build's rollout began: the first time that it said this definition. A process that names no build is its own rollout,
-- which begins when it starts.
alter table definitions add column rollout timestamptz not null default now();
update definitions set rollout = case when build = '' then since else first_seen_at end;
-- The newest rollout of a name is what counts where no build is named, not the process that started last.
create index definitions_by_rollout on definitions (org, kind, name, rollout desc, build desc);
drop index definitions_newest;

-- Which build declared what starts a workflow, and when its rollout began (null: by a scheduler that did not note it).
alter table trigger_declarations add column build text not null default '', add column rollout timestamptz,
    add column declared_at timestamptz not null default now();
alter table schedule_declarations add column build text not null default '', add column rollout timestamptz,
    add column declared_at timestamptz not null default now();
