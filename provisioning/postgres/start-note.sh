# The start note of NODE says what to do with the data at this start. prepare-data.sh sources this file.
# scripts/lab/postgres/start-note.ts writes such notes, and says what the words mean.
# The note is beside the data: there pg_rewind and pg_basebackup neither overwrite it nor remove it. It stays as it is until
# the data is as it says. If this is interrupted, the next start does it again.
note=${PGDATA%/*}/start-note

# Sets what, from, follows, slots, fenced and backups; for a restore also set, until, target and timeline.
read_note() {
  local key value
  what=keep from='' follows='' slots='' fenced='' backups='' set='' until='' target='' timeline=''
  if [[ ! -e $note ]]; then return; fi
  while IFS='=' read -r key value || [[ $key ]]; do
    case $key in
      do) what=$value ;;
      from) from=$value ;;
      follows) follows=$value ;;
      slots) slots=$value ;;
      fenced) fenced=$value ;;
      backups) backups=$value ;;
      set) set=$value ;;
      until) until=$value ;;
      target) target=$value ;;
      timeline) timeline=$value ;;
    esac
  done <"$note"
}

# Usage: write_note WORD [DATABASE [UPSTREAM]], or write_note keep: then the note is empty.
write_note() {
  if [[ $1 == keep ]]; then
    : >"$note.new"
  else
    printf '%s\n' "do=$1" ${2:+"from=$2"} ${3:+"follows=$3"} >"$note.new"
  fi
  mv -f "$note.new" "$note"
}

carry_out_note() {
  # The volume is new.
  if [[ ! -e $note && ! -e $PGDATA/PG_VERSION ]]; then write_note fresh "$UPSTREAM"; fi
  read_note
  if [[ $fenced ]]; then
    echo "$NODE is fenced: a failover left it behind, so it does not start. It comes back with: zx scripts/rejoin.ts" >&2
    exit 1
  fi
  case $what:$from in
    keep:*) return ;;
    fresh:*)
      # They are backups of data that will be gone.
      if [[ $backups == drop ]]; then find /var/lib/pgbackrest -mindepth 1 -delete; fi
      unpack
      ;;
    restore:) if [[ $set ]]; then restore; else misunderstood; fi ;;
    follow:?*) ;;
    rewind:?* | copy:?*) follow_new_primary ;;
    *) misunderstood ;;
  esac
  if [[ $what == restore ]]; then
    rm -f "$upstream_file"
  elif [[ $from ]]; then
    set_upstream "${follows:-$from}"
    touch "$PGDATA/standby.signal"
  else
    rm -f "$upstream_file"
    echo "$slots" >"$PGDATA/without-passwords"
  fi
  write_note keep
}

misunderstood() {
  echo "$NODE cannot start: $note says do=$what from=$from, which it does not understand" >&2
  exit 1
}

# Replaces the data by those of a backup. From there PostgreSQL replays what the archive has, up to the target; then it takes
# writes, on a timeline of its own. Who may only read the repository does not archive that.
restore() {
  local archives=preserve
  if [[ ! -w /var/lib/pgbackrest ]]; then archives=off; fi
  find "$PGDATA" -mindepth 1 -delete
  pgbackrest --stanza=lab --set="$set" --target-timeline="${timeline:-latest}" --archive-mode="$archives" restore
  # The last segment of a timeline that a promotion left may be there only as `.partial`, with what the promoted database had.
  local get='pgbackrest --stanza=lab archive-get'
  echo "restore_command = '$get %f \"%p\" || $get %f.partial \"%p\"'" >>"$PGDATA/postgresql.auto.conf"
  forget "$role_settings"
  if [[ $until ]]; then
    printf "recovery_target_%s = '%s'\nrecovery_target_action = promote\n" "$until" "$target" >>"$PGDATA/postgresql.auto.conf"
  fi
  echo "$NODE was restored from the backup $set"
}

# What ALTER SYSTEM sets on a primary for its role. A standby must not name a synchronous standby: after a promotion, alone, it
# would wait for it. Which database it follows is in node.conf.
role_settings='synchronous_standby_names\|primary_conninfo\|primary_slot_name'
# What a restore sets, and a standby must not have: it would stop there.
restore_settings='restore_command\|recovery_target[a-z_]*'

# Usage: forget SETTINGS. Those that came with the data of another database.
forget() {
  sed -i "/^\($1\) /d" "$PGDATA/postgresql.auto.conf"
}

# Replaces the data by what the image prepared. Files are overwritten and the others deleted: to delete a thousand files and
# make them again takes longer.
unpack() {
  local old=''
  if compgen -G "$PGDATA/*" >/dev/null; then old=yes; fi
  tar -C "$PGDATA" --overwrite -xf "$prepared"
  if [[ ! $old ]]; then return; fi
  comm -23 <(cd "$PGDATA" && find . -mindepth 1 | sort) <(tar -tf "$prepared" | sed 's,/$,,' | sort) |
    (cd "$PGDATA" && xargs -rd '\n' rm -rf)
}

# Turns the data into a standby's: pg_rewind to the point where it diverged from the new primary, or a copy of that.
follow_new_primary() {
  local source="host=$from user=replicator passfile=$run/pgpass connect_timeout=2"
  # Nothing is touched before it answers as a primary. Until then this fails, and the engine starts the node again.
  if [[ $(psql -XAtq -d "$source dbname=postgres" -c 'select pg_is_in_recovery()') != f ]]; then
    echo "$NODE cannot be made a standby of $from, which is not a primary" >&2
    exit 1
  fi
  # From here on the data may be incomplete: the next start must not rewind it.
  write_note copy "$from" "$follows"
  # WAL that the data no longer has may be in the archive.
  local from_archive=''
  if [[ $what == rewind && -e /var/lib/pgbackrest/on ]]; then
    echo "restore_command = 'pgbackrest --stanza=lab archive-get %f %p'" >>"$PGDATA/postgresql.auto.conf"
    from_archive=--restore-target-wal
  fi
  if [[ $what == rewind ]] && pg_rewind $from_archive --target-pgdata "$PGDATA" --source-server "$source dbname=postgres" 2>&1; then
    echo "$NODE was rewound"
  else
    find "$PGDATA" -mindepth 1 -delete
    pg_basebackup -D "$PGDATA" -d "$source" -X stream --slot "${NODE//-/_}" --checkpoint fast
    echo "$NODE was copied from $from"
  fi
  forget "$role_settings\|$restore_settings"
}
