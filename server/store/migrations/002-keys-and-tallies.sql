-- Keys that make a repeated write recognisable, and the results kept as numbers beside the votes.

-- Chosen by the client; null for a write without one.
alter table poll add column idempotency_key text check (octet_length(idempotency_key) between 1 and 128);
alter table vote add column idempotency_key text check (octet_length(idempotency_key) between 1 and 128);
create unique index poll_idempotency_key on poll (idempotency_key) where idempotency_key is not null;
create unique index vote_idempotency_key on vote (idempotency_key) where idempotency_key is not null;

-- Votes by poll and option; the result is the sum over the lanes. Transactions that run at the same time count in
-- different lanes, so that none waits for the commit of another. Half of each page stays free: then an update stays on
-- its page, and costs no work on the index.
create table tally (
  poll_id uuid not null references poll (id),
  option  smallint not null,
  lane    smallint not null,
  -- Negative where votes were deleted through another lane than the one that counted them.
  votes   integer not null,
  primary key (poll_id, option, lane)
) with (fillfactor = 50);

-- A trigger, so that the tallies equal the votes however these come and go.
create or replace function count_votes() returns trigger language plpgsql as $$
declare
  -- The first free of 8, locked to the end of the transaction ("lane" in ASCII, and its number). Where all are taken,
  -- any will do, at the price of a wait.
  own_lane smallint := 0;
begin
  while own_lane < 8 and not pg_try_advisory_xact_lock(x'6c616e65'::int, own_lane) loop
    own_lane := own_lane + 1;
  end loop;
  own_lane := case when own_lane < 8 then own_lane else pg_backend_pid() % 8 end;

  if tg_op in ('INSERT', 'UPDATE') then
    insert into tally (poll_id, option, lane, votes)
    select poll_id, option, own_lane, count(*) from added group by poll_id, option order by poll_id, option
    on conflict (poll_id, option, lane) do update set votes = tally.votes + excluded.votes;
  end if;
  if tg_op in ('UPDATE', 'DELETE') then
    insert into tally (poll_id, option, lane, votes)
    select poll_id, option, own_lane, -count(*) from removed group by poll_id, option order by poll_id, option
    on conflict (poll_id, option, lane) do update set votes = tally.votes + excluded.votes;
  end if;
  if tg_op = 'TRUNCATE' then
    truncate tally;
  end if;
  return null;
end
$$;

-- Also holds off votes until the count below is complete.
create trigger count_added after insert on vote referencing new table as added
  for each statement execute function count_votes();
create trigger count_changed after update on vote referencing new table as added old table as removed
  for each statement execute function count_votes();
create trigger count_removed after delete on vote referencing old table as removed
  for each statement execute function count_votes();
create trigger count_none after truncate on vote
  for each statement execute function count_votes();

insert into tally (poll_id, option, lane, votes)
select poll_id, option, 0, count(*) from vote group by poll_id, option;
