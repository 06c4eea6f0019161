-- The servers' role reads, and adds polls and votes. All else that happens to what is stored is done by functions that
-- run with the owner's rights, and do no more than they say.

revoke all on all tables in schema public from service, public;
grant select on poll, vote, tally, schema_migration to service;
-- Neither when, nor whether it is closed.
grant insert (id, question, options, idempotency_key) on poll to service;
grant insert (poll_id, user_id, option, idempotency_key) on vote to service;
grant select on all tables in schema public to monitor;

alter function count_votes() security definer set search_path = pg_catalog, public, pg_temp;
revoke execute on function count_votes() from public;

-- First half of the advisory locks by which votes and close_poll take turns, "gate" in ASCII; the second half is the
-- poll's gate. A row lock alone would let votes that share it keep a close_poll waiting for ever; these locks are first
-- come, first served. Few gates for all polls, so that a group of votes holds few locks.

-- The polls as they are now, which stay so to the end of the transaction. FOR SHARE, not FOR KEY SHARE: only the former
-- waits for a close_poll under way, and makes one wait for these votes, so that no vote is stored after the poll has
-- been seen closed. Each statement sees what was committed before it: also a close_poll that came through at the gate.
create function lock_polls(ids uuid[]) returns setof poll rows 10
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
begin
  perform pg_advisory_xact_lock_shared(x'67617465'::int, gate)
  from (select distinct uuid_hash(id) & 63 as gate from unnest(ids) as id order by gate) as gates;
  return query select * from poll where poll.id = any (ids) order by poll.id for share;
end
$$;

-- Closes a poll and gives it; none where there is none. Closing twice keeps the time of the first.
create function close_poll(of_id uuid) returns setof poll rows 1
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
begin
  perform pg_advisory_xact_lock(x'67617465'::int, uuid_hash(of_id) & 63);
  return query update poll set closed_at = coalesce(closed_at, now()) where poll.id = of_id returning poll.*;
end
$$;

revoke execute on function lock_polls(uuid[]), close_poll(uuid) from public;
grant execute on function lock_polls(uuid[]), close_poll(uuid) to service;
