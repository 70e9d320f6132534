-- How long schedulers have been looking for due schedules without a gap: one row, which every round of a firing loop keeps. What
-- fell due in that time was not missed, however long the loops take to get to it.
create table schedule_watch (
    single     boolean primary key default true check (single),
    since      timestamptz not null default now(),       -- the first look of the present watch
    looked_at  timestamptz not null default now(),       -- the last look
    constraint watched_until_the_last_look check (since <= looked_at)
) with (fillfactor = 50);
insert into schedule_watch default values;
