-- Endpoints for webhooks: how each is signed, with what, and what arrived there.

create table webhooks (
    id           uuid primary key,                       -- random: it is the address, and must not be guessed
    org          text not null,
    name         text not null check (name <> ''),
    provider     text not null check (provider in ('stripe', 'github', 'slack', 'standard', 'hmac')),
    terms        jsonb,                                  -- how a generic one signs
    events       text[] not null default '{}',           -- patterns over the provider's own names; none: all
    tolerance_ms bigint not null check (tolerance_ms between 0 and 86400000),
    state        text not null default 'active' check (state in ('active', 'paused')),
    created_at   timestamptz not null default now(),
    constraint names_are_for_one unique (org, name),
    constraint generic_ones_have_terms check ((provider = 'hmac') = (terms is not null))
);

-- Several may be good at once: that is how one is changed for another. What is retired leaves nothing to sign with.
create table webhook_secrets (
    webhook    uuid not null references webhooks on delete cascade,
    id         uuid not null,
    org        text not null,
    label      text not null,
    hint       text not null,                            -- by which people know it
    secret     text check (secret <> ''),
    created_at timestamptz not null default now(),
    retired_at timestamptz,
    primary key (webhook, id),
    constraint retired_ones_are_gone check ((secret is null) = (retired_at is not null))
);
create index webhook_secrets_retired on webhook_secrets (retired_at) where retired_at is not null;

-- What arrived. A verified one is written before its event is published and settled after: what a crash leaves between is
-- `taken`, its event, if there is one, names it, and the provider sends it again.
create table deliveries (
    id          uuid primary key,
    webhook     uuid not null,
    org         text not null,
    received_at timestamptz not null default now(),
    remote      text not null,                           -- the address that the connection came from
    forwarded   text,                                    -- X-Forwarded-For, as told by whoever sent it
    verdict     text not null,
    reason      text,                                    -- why nothing came of it
    status      smallint not null check (status between 200 and 599),
    delivery_id text,                                    -- the provider's
    event_type  text,                                    -- the provider's
    size        integer not null check (size >= 0),
    sha256      bytea check (octet_length(sha256) = 32), -- of a body that was read
    headers     jsonb not null,                          -- without signatures and secrets
    body        bytea,
    secret      uuid,                                    -- which one it was signed with
    event       uuid,                                    -- what it became
    constraint verdict_is_known check (verdict in
        ('taken', 'accepted', 'repeated', 'filtered', 'challenge', 'ping', 'paused', 'unreadable', 'refused', 'too_large', 'wrong_type')),
    constraint published_ones_have_an_event check ((verdict in ('accepted', 'repeated')) = (event is not null)),
    constraint only_verified_ones_have_a_secret check
        ((verdict in ('refused', 'too_large', 'wrong_type')) = (secret is null)),
    constraint only_some_bodies_are_kept check (body is null or verdict in ('accepted', 'unreadable')),
    constraint refused_ones_have_a_reason check
        (reason is not null or verdict not in ('refused', 'too_large', 'wrong_type', 'unreadable'))
);
alter table deliveries alter column body set storage external;
create index deliveries_of_webhook on deliveries (webhook, id);
create index deliveries_age on deliveries (received_at);

-- Of what was taken and not settled: what did it become?
create index events_of_delivery on events (delivery) where origin = 'webhook';
