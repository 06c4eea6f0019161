/**
 * Everything that can stop a verb: what happened, and what to do next. Whoever throws the error fills in each `{…}`.
 * If a fix names an option, it names the verb of that option too. Or it stands in `fixIn` under that verb: then only users
 * who ran that verb see it.
 */
export const ERRORS = {
  ENGINE_MISSING: {
    says: 'the docker command is not installed',
    fix: 'install everything the lab needs: ./provisioning/provision.sh',
  },
  ENGINE_DOWN: {
    says: 'the Docker engine does not answer: {answer}',
    fix: 'start it (sudo systemctl start docker), or let ./provisioning/provision.sh do it',
  },
  ENGINE_FORBIDDEN: {
    says: 'this user may not use the Docker engine',
    fix: 'sudo usermod -aG docker $USER, then log in again; or run ./provisioning/provision.sh',
  },
  ENGINE_REMOTE: {
    says: '{by} chooses a Docker engine at {host}, but the lab needs one on this machine',
    fix: '{remedy}',
  },
  ENGINE_CONTEXT: {
    says: '{by} chooses the Docker context {context}, but there is none of that name',
    fix: '{remedy}; docker context ls lists the contexts that exist',
  },
  ENGINE_SILENT: {
    says: 'the Docker engine gave no answer to {asked} within {seconds} s',
    fix: 'see whether `docker ps` answers; if not, restart the engine (sudo systemctl restart docker), then run this again',
  },
  ENGINE_REFUSED: {
    says: 'exit {exit} from: {command}\n{stderr}',
    fix: 'read the lines above, then run the same verb again: it goes on where this one stopped',
  },
  BUILD_FAILED: {
    says: 'the image {image} could not be built. The failing step and the last lines of its output:\n{output}',
    fix: '{remedy}',
  },
  BASE_IMAGE: {
    says: 'no base image for Debian {suite}: no registry answered ({registry}), and mmdebstrap could not make one ({reason})',
    fix: 'sudo apt-get install -y mmdebstrap uidmap debian-archive-keyring, and check that the package archive can be reached',
  },
  MIRROR: {
    says: 'the mirror in LAB_MIRROR gave no answer to {asked}: {problem}',
    fix: "set LAB_MIRROR to the address of a mirror that has this, or unset it to use Debian's own",
  },
  SETTING: { says: '{setting} is {problem}', fix: 'unset it or set it to {expected}' },
  ARCHITECTURE: {
    says: 'the engine runs on {architecture}',
    fix: 'use a machine (or VM) with an amd64 or arm64 processor',
  },
  PORT_TAKEN: {
    says: '{node} needs port {port} on {bind}, but {holder} has taken it',
    fix: 'stop it, or move the whole lab to ports that are free: LAB_PORT_OFFSET={offset}',
  },
  MEMORY_LOW: {
    says: '{available} MiB of memory are available, but the lab needs {needed}',
    fix: 'close something, or give the machine more (LAB_MEMORY for the VM)',
  },
  DISK_LOW: {
    says: '{available} MiB are free in {folder}, but the lab needs {needed}',
    fix: 'free some space; `docker system df` shows what the engine uses',
    fixIn: { fault: 'free some space, or write less with --fill' },
  },
  NAME_TAKEN: {
    says: 'there is a {kind} named {name} that is not part of this lab',
    fix: 'if you can do without that {kind}, free its name: {command}; or run the lab under another one: LAB_NAME={another} LAB_PORT_OFFSET={offset}',
  },
  NOT_YOURS: {
    says: 'the lab {lab} on this engine belongs to the user {user}: only {user} has its passwords and its lock',
    fix: 'run this as {user}, or have a lab of your own beside it: LAB_NAME=lab2 LAB_PORT_OFFSET=1000 zx scripts/setup.ts',
  },
  RUNS_WITH: {
    says: 'the lab {lab} runs with {place}, but these settings say {here}',
    fix: '{remedy}; {change}',
  },
  MANAGER_UNCHANGED: {
    says: 'the lab {lab} goes on with {manager}: to change to {next}, one primary is needed that all standbys stream from: {seen}',
    fix: 'LAB_MANAGER={manager} zx scripts/setup.ts brings them up, or says what hinders them; then run this again',
  },
  PATRONI_SILENT: {
    says: 'no database of the lab {lab} has a Patroni that answers',
    fix: 'bring them up: zx scripts/setup.ts; it names a store or a database that does not come up',
  },
  PATRONI_PAUSED: {
    says: 'Patroni is paused, and starts no database: {seen}',
    fix: 'end the pause: zx scripts/manager.ts resume; then run this again',
  },
  PATRONI_REFUSED: {
    says: 'Patroni refused `{command}`: {said}',
    fix: 'see what it says of the databases: docker exec {container} patronictl list',
  },
  NOT_SYNCHRONOUS: {
    says: 'Patroni gives the place of the primary to a synchronous standby only, and {node} is none: at {level} commits wait for {synchronous}',
    fix: 'let each standby count: zx scripts/replication.ts {level} --quorum 1; then run this again. Or take one that is synchronous: zx scripts/switchover.ts --to {first}',
  },
  NOT_WITH_PATRONI: {
    says: '{option} has no meaning here: Patroni decides what is lost, by its setting maximum_lag_on_failover',
    fix: 'leave it out',
  },
  NOT_WITH_PATRONI_FIRST: {
    says: 'Patroni itself chooses which standby is the synchronous one, so {node} cannot be named',
    fix: 'leave the name out; or wait for any of several: zx scripts/replication.ts on --quorum 1',
  },
  PATRONI_SETTING: {
    says: '{text} is no setting of Patroni that can be changed here',
    fix: 'write {expected}; zx scripts/manager.ts show shows the settings',
  },
  PATRONI_TIMING: {
    says: 'loop_wait {loop_wait} + 2 × retry_timeout {retry_timeout} is more than ttl {ttl}: a primary that cannot reach the stores would lose its lease before it gives up',
    fix: 'choose a longer ttl in the same command, or shorter others: zx scripts/manager.ts set ttl=… loop_wait=… retry_timeout=…',
  },
  NO_CONTROL: {
    says: 'the manager of the lab {lab} is {manager}: it does nothing by itself, so there is nothing to show or set',
    fix: 'LAB_MANAGER=patroni zx scripts/setup.ts changes the manager; all votes are kept',
  },
  NEEDS_MANAGER: {
    says: '{verb} needs the manager {needed}, and the manager of the lab {lab} is {manager}',
    fix: 'LAB_MANAGER={needed} zx scripts/setup.ts changes the manager, and keeps all votes; then run this again',
  },
  PATRONI_DOES_IT: {
    says: 'in this lab Patroni decides which database is the primary, and acts by itself when it is dead: {verb} has nothing to do',
    fix: 'watch Patroni at that: {command}',
  },
  BUSY: {
    says: 'another command is changing the lab {lab} right now ({holder})',
    fix: 'wait for it to end, then try again',
  },
  STATE_FOLDER: {
    says: 'the lab cannot keep its passwords and its lock in {folder}: {problem}',
    fix: 'make that folder writable for this user, or choose another one: XDG_STATE_HOME=/a/folder/of/yours',
  },
  SECRETS_LOST: {
    says: 'the databases of the lab {lab} exist, but its passwords are not in {folder}',
    fix: 'run this as the user who set the lab up, or start over (the votes are deleted): zx scripts/teardown.ts',
  },
  SECRETS_BROKEN: {
    says: 'the passwords of this lab in {folder} cannot be used: {problem}',
    fix: 'restore the files there, or start over (the votes are deleted): zx scripts/teardown.ts',
  },
  POSTGRES_CHANGED: {
    says: 'PostgreSQL {made} made the data of {node}, but LAB_POSTGRES asks for {asked}',
    fix: 'set LAB_POSTGRES={made}, or start over (the votes are deleted): zx scripts/teardown.ts',
  },
  SPLIT_BRAIN: {
    says: 'more than one database is a primary: {seen}',
    fix: 'zx scripts/rejoin.ts keeps the newer one and lists the votes that only the older one has',
    fixIn: {
      rejoin:
        'none is newer: choose which one to keep, and stop each other one with docker stop; then run this again: it lists the votes that only a stopped one has',
    },
  },
  DATABASE_SILENT: {
    says: '{node} did not answer a question: {problem}',
    fix: 'see what it is doing: zx scripts/status.ts',
  },
  DATABASE_DOWN: {
    says: '{node} does not run (its container is {state})',
    fix: 'zx scripts/setup.ts starts what is down; zx scripts/failover.ts works while the primary is down',
  },
  HINDERED: { says: '{node}: {says}', fix: '{advice}' },
  NO_PRIMARY: {
    says: 'no database takes writes: {seen}',
    fix: 'zx scripts/setup.ts starts what is down; zx scripts/failover.ts promotes a standby',
  },
  NO_STANDBY: {
    says: 'at level {level} every commit waits for {needed}, and {there}: {seen}',
    fix: 'first bring a standby back (zx scripts/setup.ts or zx scripts/rejoin.ts){less}, or set the level anyway: zx scripts/replication.ts {options} --force',
  },
  VOTES_UNREADABLE: {
    says: 'the votes that only {node} has cannot be listed: {problem}',
    fix: 'nothing was deleted yet, and {node} is fenced; repair the problem and run this again, or accept that these votes are lost: zx scripts/rejoin.ts --discard',
  },
  NEWER_IS_DOWN: {
    says: '{node} is down, but it is on a newer timeline than {primary}: {primary} lacks the votes of that timeline',
    fix: 'start {node} with docker start {container}, then run this again: it keeps the newer one',
  },
  NOTHING_TO_COPY: {
    says: '{node} has no data and cannot be copied, because no database is a primary',
    fix: 'make {other} the primary with zx scripts/failover.ts --force, then copy {node} with zx scripts/rejoin.ts; or start over (the votes are deleted): zx scripts/teardown.ts',
  },
  NOTHING_TO_PROMOTE: {
    says: 'there is no standby to promote: {seen}',
    fix: 'zx scripts/setup.ts starts what is down; zx scripts/rejoin.ts brings back a fenced node',
  },
  ALREADY_PROMOTED: {
    says: '{primary} is the primary already; {old} was a primary before, and does not answer',
    fix: 'do not start {old} as it is: zx scripts/rejoin.ts brings it back as a standby',
  },
  REPLAY_NEEDS_SETTING: {
    says: 'PostgreSQL stopped replay on {node}: its {setting} is {here}, but the WAL needs {needed}',
    fix: 'nothing was changed; restart it with docker restart {container}, which raises the setting, then run this again',
  },
  REPLAY_PAUSED: {
    says: 'replay is paused on {node}: somebody has paused it',
    fix: "docker exec {container} psql -d polling -c 'select pg_wal_replay_resume()', then run this again",
    fixIn: {
      failover: "docker exec {container} psql -d polling -c 'select pg_wal_replay_resume()', or let --force do it",
    },
  },
  REPLAY_HELD: {
    says: '{node} is not ready to be the primary after {seconds} s: {seen}',
    fix: 'nothing was changed; wait until the sessions named above have ended, then run this again',
    fixIn: {
      failover:
        'nothing was changed; wait until the report has ended, or run this again without --keep-reports: then failover ends the report',
      switchover: 'nothing was changed; wait until the report has ended, or let --end-reports end it',
    },
  },
  LOSES_TOO_MUCH: {
    says: '{node} lacks {bytes} bytes of WAL that {old} has, but at most {allowed} may be lost',
    fix: 'bring {old} back (zx scripts/setup.ts), or accept the loss: zx scripts/failover.ts --max-lag {bytes}, or --force',
  },
  FENCED_NOT_PROMOTED: {
    says: '{fenced}, but no standby was promoted: {why}',
    fix: 'zx scripts/rejoin.ts undoes the fence and loses nothing; {command} promotes anyway',
  },
  LOSS_UNKNOWN: {
    says: 'it is unknown how much {node} lacks: the WAL of {old} cannot be read ({problem})',
    fix: 'bring {old} back (zx scripts/setup.ts), or promote anyway: zx scripts/failover.ts --force',
  },
  NOT_FENCED: {
    says: 'nothing proves that {node} is down: {seen}',
    fix: 'look at it (docker ps -a), then run zx scripts/failover.ts again',
  },
  NOT_PROMOTED: {
    says: '{node} was asked to become the primary and did not: {seen}',
    fix: 'see docker logs {container}; zx scripts/failover.ts goes on where this one stopped',
    fixIn: {
      switchover:
        'see docker logs {container}; run this again, it goes on where it stopped; if {node} is the primary by then: zx scripts/rejoin.ts',
    },
  },
  SWITCHOVER_NOT_READY: {
    says: 'the roles cannot be swapped without loss: {seen}',
    fix: 'zx scripts/fault.ts list shows whether a link is broken, and zx scripts/rejoin.ts gives the primary a standby that streams; if the primary is gone, zx scripts/failover.ts promotes a standby',
  },
  REPORT_STAYS: {
    says: '{node} is not ready to be the primary: the reports were told to end, but {seconds} s later replay still waits; {seen}',
    fix: 'nothing was changed; docker restart {container} ends all sessions there and keeps what {node} has received; then run this again',
  },
  STANDBY_BEHIND: {
    says: '{node} is {bytes} bytes of WAL behind, and nobody could write while they are sent',
    fix: 'wait until it has caught up (zx scripts/status.ts --watch), then run this again',
  },
  STANDBY_DELAYED: {
    says: '{node} waits {delay} before it replays each commit (recovery_min_apply_delay)',
    fix: "docker exec {container} psql -d polling -c 'alter system set recovery_min_apply_delay = 0' -c 'select pg_reload_conf()', then run this again",
  },
  SWITCHOVER_UNDONE: {
    says: '{standby} did not catch up, so {primary} is the primary again: {seen}',
    fix: 'nothing was lost; if replay waits for a report, zx scripts/switchover.ts --end-reports ends it; otherwise docker logs {container} says what replay waits for',
  },
  FENCED: {
    says: '{node} is fenced: a failover left it behind, and it must not start as a second primary',
    fix: 'zx scripts/rejoin.ts lists the votes that only {node} has, and brings it back as a standby (or as the primary, if no standby was promoted)',
  },
  NOT_SET_UP: { says: 'the lab {lab} is not set up: no {missing}', fix: 'zx scripts/setup.ts' },
  NODE_DIED: {
    says: '{node} does not stay up; its last lines:\n{log}',
    fix: '{advice}',
  },
  NODE_DOWN: {
    says: 'this waits for {node}, but its container is {state}',
    fix: 'zx scripts/setup.ts brings it up; then run the same command again',
  },
  NODE_CHANGED: {
    says: '{node} is not as the lab made it: {what}',
    fix: 'zx scripts/setup.ts repairs it; then run the same command again',
  },
  NOT_STARTED: {
    says: 'the engine cannot start {container}: {stderr}',
    fix: 'zx scripts/setup.ts repairs what was changed by hand',
  },
  SETTING_HINDERS: {
    says: '{node} cannot work with the setting {setting}: {said}',
    fix: 'remove the setting: {command}; then zx scripts/setup.ts',
  },
  MIGRATION_FAILED: {
    says: 'the schema of {node} could not be brought up to date:\n{said}',
    fix: 'repair what these lines name, then zx scripts/setup.ts; if a migration was changed after it was applied, restore it (git status server/store/migrations) and put the change into a new file',
  },
  TIMEOUT: {
    says: 'waited {seconds} s for {what}; last seen: {seen}',
    fix: '{advice}',
  },
  NO_SUCH_DATABASE: {
    says: '{name} is not a database of this lab',
    fix: 'one of {databases}{larger}',
  },
  STANDBY_NEEDED: {
    says: '{node} cannot be removed: it {why}',
    fix: 'nothing was changed; {remedy}; then run this again',
  },
  NOT_A_STANDBY: {
    says: '{node} cannot be promoted: it does not answer as a standby ({seen})',
    fix: 'name a standby that answers, or none: then the one that has most is promoted',
  },
  ANOTHER_HAS_MORE: {
    says: '{node} lacks {bytes} bytes of WAL that {other} has: acknowledged votes would be lost',
    fix: 'promote {other}: zx scripts/failover.ts; or zx scripts/failover.ts --to {node} --force promotes {node} all the same, and rejoin lists what {other} has',
  },
  QUORUM_TOO_LARGE: {
    says: 'a commit cannot wait for {count} standbys: only those that follow the primary directly count, and their number is {standbys}',
    fix: 'at most {standbys} now; {more}',
  },
  NOT_DIRECT: {
    says: 'a commit cannot wait for {node}: it follows another standby, and synchronous commit counts direct standbys only',
    fix: 'name a standby that follows {primary}, or point it there first: zx scripts/replication.ts follow {node} {primary}',
  },
  NEEDED_DIRECTLY: {
    says: '{node} has to follow the primary itself: at level {choice} commits wait for {whom}; synchronous commit counts direct standbys only',
    fix: 'choose another rule first: zx scripts/replication.ts {level}; then run this again',
  },
  PRIMARY_FOLLOWS_NOBODY: {
    says: '{node} is the primary: it follows no database',
    fix: 'name a standby; or make another one the primary first: zx scripts/switchover.ts',
  },
  FOLLOWS_ITSELF: {
    says: '{node} cannot follow itself',
    fix: 'name another database: zx scripts/replication.ts follow {node} {primary}',
  },
  WOULD_CIRCLE: {
    says: '{upstream} gets its WAL from {node}: if {node} followed it, nothing would lead from the primary to them',
    fix: 'first point {upstream} at the primary: zx scripts/replication.ts follow {upstream} {primary}; then run this again',
  },
  CANNOT_FOLLOW: {
    says: '{node} cannot follow {upstream} now, and nothing was changed: {seen}',
    fix: 'zx scripts/rejoin.ts brings back what is down, fenced or follows nobody; then run this again',
  },
  QUORUM_UNKNOWN: {
    says: 'at level {choice}, {needed} to answer before one is promoted, and {heard} answered: an acknowledged vote may be on a silent one only. {silent}{uncertain}',
    fix: 'bring a silent standby back ({command}), then run this again; or zx scripts/failover.ts --force promotes {candidate}, and any acknowledged vote that is only on {lost} may be lost',
  },
  ALREADY_PRIMARY: {
    says: '{node} is the primary already',
    fix: 'name a standby',
  },
  NO_SUCH_NODE: { says: '{name} is not a node of this lab', fix: 'one of {nodes}{larger}' },
  FAULT_PEER: { says: '{node} cannot be its own peer', fix: 'name other nodes, or none for all of them' },
  FAULT_MISFIT: {
    says: '{kind} does not fit {node} as it is now',
    fix: 'it fits {fits}; zx scripts/status.ts shows the roles',
  },
  FAULT_STATE: {
    says: '{kind} is not possible on {node} while its container is {state}',
    fix: 'heal it first: zx scripts/fault.ts heal {node}; if no fault did that, zx scripts/status.ts says why',
  },
  FAULT_UNREACHABLE: {
    says: 'the database of {node} cannot be asked: {problem}',
    fix: 'see what is wrong with it: zx scripts/status.ts; zx scripts/fault.ts list',
  },
  FAULT_UNKNOWN: {
    says: '{word} is neither a kind of fault nor a node',
    fix: 'kinds: {kinds}; nodes: {nodes}{larger}',
  },
  FAULTS_IN_FORCE: {
    says: '{what} is not possible while faults are in force: {faults}',
    fix: 'zx scripts/fault.ts heal, then run the same command again',
  },
  KERNEL_LACKS: {
    says: "this machine's kernel cannot do that: {said}",
    fix: "nothing was changed; run the lab on a kernel that can (the VM's, or Debian's own), or choose another fault",
  },
  WOULD_SPLIT: {
    says: '{node} went down as a primary, and another database is the primary now: if {node} starts, there are two',
    fix: 'bring {node} back as a standby: zx scripts/rejoin.ts, or start over (the votes are deleted): zx scripts/reset.ts',
  },
  WOULD_FORGET: {
    says: '{node} still takes writes, and another database is the primary now: if the Patroni of {node} goes on, it throws these votes away',
    fix: 'zx scripts/rejoin.ts stops {node}, lists and keeps the votes that only {node} has, and makes it a standby',
  },
  NO_SUCH_EXPERIMENT: {
    says: 'there is no experiment in {folder}: {problem}',
    fix: 'name a folder that zx scripts/experiment.ts has written; unless told otherwise it keeps them in results/experiments',
  },
  OUTPUT: {
    says: '{path} cannot be written: {problem}',
    fix: 'make room for it there, or let this user write there, then run this again',
    fixIn: {
      bench: 'nothing was measured; name a file in a folder that this user may write to: --output',
      experiment: 'nothing was done; name a folder that this user may write to: --output',
    },
  },
  RECORD_BROKEN: {
    says: '{file} is not what an experiment writes: {problem}',
    fix: 'this run cannot be judged; run the experiment again',
  },
  LOAD_FAILED: {
    says: 'the load on {address} did not begin: {problem}',
    fix: 'see who is down: zx scripts/status.ts; start over: zx scripts/reset.ts',
  },
  WATCH_ENDED: {
    says: 'zx scripts/failover.ts --watch ended with exit code {exit}: {said}',
    fix: 'see what it said above',
  },
  NO_SUCH_EXERCISE: {
    says: 'there is no exercise {word}',
    fix: 'a number from 1 to {last}, or a name: zx scripts/exercise.ts list',
  },
  EXERCISE_BROKEN: {
    says: 'the exercise {name} does not load: {problem}',
    fix: 'repair the files in exercises/{name}; npm run -s typecheck may say more',
  },
  OTHER_EXERCISE: {
    says: 'the lab is in the state of {current}, not of {asked}',
    fix: 'zx scripts/exercise.ts start {number}, or run this again without {word}',
  },
  NO_EXERCISE: { says: 'no exercise has been started', fix: 'zx scripts/exercise.ts start {next}' },
  POLLS_AT_STAKE: {
    says: 'these polls do not belong to the current exercise, and would be deleted: {polls}',
    fix: 'keep what you need of them (zx scripts/poll.ts list), then delete them: zx scripts/exercise.ts reset --discard',
    fixIn: { exercise: 'keep what you need of them (zx scripts/poll.ts list), then run this again with --discard' },
  },
  POLLS_UNKNOWN: {
    says: 'no database answers, so it is unknown which polls would be deleted: {problem}',
    fix: 'bring the lab up (zx scripts/setup.ts), or delete everything in it: zx scripts/exercise.ts reset --discard',
    fixIn: {
      exercise: 'bring the lab up (zx scripts/setup.ts), or delete everything in it: run this again with --discard',
    },
  },
  PROGRESS_BROKEN: {
    says: "{file} does not contain a learner's progress: {problem}",
    fix: 'restore it, or remove it: then the track starts over',
  },
  STEP_FAILED: {
    says: 'exit {exit} from: {command}\n{said}',
    fix: 'read the lines above; start the exercise again and try the step by hand',
  },
  NO_BACKUP: {
    says: 'this lab has no backup yet',
    fix: 'zx scripts/backup.ts makes the first one',
  },
  NO_ARCHIVE: {
    says: 'the primary does not archive its WAL now',
    fix: 'zx scripts/backup.ts switches archiving on and makes a backup',
  },
  OTHER_BACKUPS: {
    says: 'the repository has the WAL of other data: its last segment is {last}, and {node} is only at {now}. To archive into it would mix two histories',
    fix: 'zx scripts/restore.ts --end shows what these backups have, and zx scripts/restore.ts --end --replace --force makes the lab as it was then; or zx scripts/backup.ts off --discard deletes them, then run this again',
  },
  BACKUP_FAILED: {
    says: 'pgbackrest {command} failed\n{said}',
    fix: 'zx scripts/backup.ts check says whether WAL arrives in the repository; zx scripts/fault.ts list shows faults of the archive; zx scripts/status.ts says how the databases are',
  },
  MARK_TAKEN: {
    says: 'there is a mark {name} already, of {at}',
    fix: 'choose another name; zx scripts/backup.ts list shows the marks',
  },
  BAD_MARK: {
    says: "'{name}' is no name for a mark",
    fix: 'use 1 to 60 letters, digits, dots, hyphens and underscores, as in before-cleanup',
  },
  NO_SUCH_MARK: {
    says: 'there is no mark {name}; there are: {marks}',
    fix: 'zx scripts/backup.ts list shows the marks',
  },
  NO_MOMENT: {
    says: "'{text}' is no moment",
    fix: "write it as zx scripts/restore.ts --to '2026-11-25 09:39:59+01'",
  },
  MOMENT_WITHOUT_ZONE: {
    says: "'{text}' has no time zone, so it could be any of 24 moments",
    fix: "if it is the time on this machine: zx scripts/restore.ts --to '{here}'; if it is UTC, end it with +00",
  },
  MOMENT_AHEAD: {
    says: '{moment} has not come yet: it is {now}',
    fix: 'choose an earlier moment, or zx scripts/restore.ts --end for all that is archived',
  },
  BEFORE_FIRST_BACKUP: {
    says: 'along timeline {timeline} no backup was finished before {goal}. {earliest}',
    fix: 'choose what comes after a backup; zx scripts/backup.ts list shows what can be restored',
  },
  NO_SUCH_TIMELINE: {
    says: 'the repository has nothing of timeline {timeline}, only of {known}',
    fix: 'zx scripts/backup.ts list shows the timelines',
  },
  TIMELINE_NOT_ARCHIVED: {
    says: 'timeline {timeline} left timeline {from} at LSN {at}, and the archive has nothing yet of what was written on it. A restore would go on along timeline {from} instead, to what was thrown away there',
    fix: 'zx scripts/setup.ts starts the primary, which archives its WAL; for a goal before LSN {at} go along the other: zx scripts/restore.ts --lsn … --timeline {from}',
  },
  ARCHIVE_ENDS: {
    says: 'the archive ends before {goal}. From the backup {set} on, along timeline {timeline}, {end}. {node} did not get there{why}',
    fix: '{remedy}',
  },
  MARK_ELSEWHERE: {
    says: 'the mark {name} is on timeline {on}, and timeline {timeline} does not come from there',
    fix: 'zx scripts/restore.ts --name {name} goes along timeline {on} by itself: name no other one',
  },
  LSN_NOT_ARCHIVED: {
    says: 'the archive does not reach LSN {lsn} along timeline {timeline}: its last segment there is {last}',
    fix: 'choose an earlier position, or zx scripts/restore.ts --end; zx scripts/backup.ts list shows the timelines',
  },
  OTHER_TIMELINE: {
    says: 'at {goal} the lab was on timeline {left}. Timeline {along} left that one before: there the votes that were cast last do not exist. Nothing was changed',
    fix: 'to go to that moment: zx scripts/restore.ts --to … --timeline {left} --replace; to go along the newest all the same: --timeline {along}',
    fixIn: {
      restore:
        'run this again with --timeline {left}; to go along the newest timeline all the same, with --timeline {along}',
    },
  },
  RESTORE_INTERRUPTED: {
    says: 'a restore of {node} did not end, and all other databases are fenced for it',
    fix: 'run that restore again: the same zx scripts/restore.ts with --replace; it begins again, and ends',
  },
  RESTORE_LOSES: {
    says: 'votes of the lab that do not exist at {goal}: {count}. They would be lost, so nothing was changed. They are listed in {file}\n{votes}',
    fix: 'leave the lab as it is: zx scripts/restore.ts --to restores beside it',
    fixIn: {
      restore: 'to go back all the same, run this again with --force; without --replace it restores beside the lab',
    },
  },
  CAST_MEANWHILE: {
    says: 'votes that were cast while the restore was prepared, and would be lost: {count}; they are listed in {file}. All databases are fenced now, and still have them; nobody can vote',
    fix: 'zx scripts/rejoin.ts brings the lab back with them',
    fixIn: {
      restore:
        'zx scripts/rejoin.ts brings the lab back with them; to go back all the same, run this again with --force',
    },
  },
  RESTORED_THERE: {
    says: 'db-restored is there already: {what}',
    fix: 'when you no longer need it: zx scripts/restore.ts remove; then run this again',
  },
  CALL_FAILED: { says: '{call} answered {status}: {details}', fix: '{advice}' },
  INTERRUPTED: {
    says: 'interrupted',
    fix: 'run the same command again: it goes on where this one stopped',
    fixIn: {
      backup: 'a backup that has begun goes on; zx scripts/backup.ts list shows it when it is done',
      restore: 'run the same command again: it begins again',
      status: 'status only looks, so nothing has changed; run it again to look again',
      bench: 'run the same command again: it starts from the beginning',
      experiment: 'run the same command again: it starts from the beginning',
    },
  },
} as const

export type ErrorCode = keyof typeof ERRORS
