-- Orgs that are enabled again; and what a scheduler needs to declare again what a build declared before.

-- When the org was enabled last, after it was disabled; null: it never was. Its schedules missed what fell due before.
alter table orgs add column enabled_at timestamptz;

-- The queue of the worker that presented the build's definition. null: presented to a scheduler that did not record it.
alter table definitions add column queue text check (queue <> '');
-- When the build's inputs last changed, or the build came back after no worker had run it: events are matched anew from then on.
alter table definitions add column changed_at timestamptz not null default now();
