-- What workers say of their functions and workflows, one row for each build that has them.

create table definitions (
    org           text not null,
    kind          text not null check (kind in ('function', 'workflow')),
    name          text not null check (name <> ''),
    build         text not null,                         -- '' of workers that name none
    since         timestamptz not null,                  -- when the process started that said this, by its own clock
    description   text not null,
    parameters    text not null check (parameters <> ''), -- JSON, in the order in which they are written
    input_schema  text not null check (input_schema <> ''), -- JSON Schema of the whole input
    output_schema text not null check (output_schema <> ''),
    triggers      bytea,                                 -- as the workflow declares them; see triggers and schedules
    first_seen_at timestamptz not null default now(),
    seen_at       timestamptz not null default now(),
    primary key (org, kind, name, build),
    constraint only_workflows_are_triggered check ((kind = 'workflow') = (triggers is not null)),
    constraint seen_in_order check (first_seen_at <= seen_at)
);
-- The newest of a name is what counts where no build is named.
create index definitions_newest on definitions (org, kind, name, since desc, build desc);
