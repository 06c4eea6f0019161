-- Polls and their votes.

create table poll (
  id         uuid primary key,
  question   text not null,
  options    text[] not null,
  created_at timestamptz not null default now(),
  closed_at  timestamptz
);

-- Newest first; the id breaks ties, so that the order is the same every time.
create index poll_newest_first on poll (created_at desc, id desc);

-- One vote per user and poll: the primary key says so, whichever server the vote came through.
create table vote (
  poll_id uuid not null references poll (id),
  user_id text not null,
  -- Position in poll.options, from 1.
  option  smallint not null,
  cast_at timestamptz not null default now(),
  primary key (poll_id, user_id)
);
