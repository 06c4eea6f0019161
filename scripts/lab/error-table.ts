/**
 * Everything that can stop a verb: what happened and what to do next, `{…}` filled in by the one who saw it.
 * An option belongs to a verb: it is named beside its verb, or in `fixIn` of that verb, for those who ran it.
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
    says: 'the Docker engine that {by} chooses is at {host}, and the lab needs one on this machine',
    fix: '{remedy}',
  },
  ENGINE_CONTEXT: {
    says: 'there is no Docker context {context}, which {by} chooses',
    fix: '{remedy}; docker context ls lists those that there are',
  },
  ENGINE_SILENT: {
    says: 'the Docker engine gave no answer to {asked} within {seconds} s',
    fix: 'see whether `docker ps` answers; if not, restart the engine (sudo systemctl restart docker), then run this again',
  },
  ENGINE_REFUSED: {
    says: 'exit {exit} from: {command}\n{stderr}',
    fix: 'read the lines above; running the same verb again goes on where it stopped',
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
    fix: 'set LAB_MIRROR to the address of a mirror that has this, or unset it to use the one of Debian',
  },
  SETTING: { says: '{setting} is {problem}', fix: 'unset it or set it to {expected}' },
  ARCHITECTURE: {
    says: 'the engine runs on {architecture}',
    fix: 'use a machine (or VM) with an amd64 or arm64 processor',
  },
  PORT_TAKEN: {
    says: 'port {port} on {bind}, which {node} needs, is taken by {holder}',
    fix: 'stop it, or move the whole lab to ports that are free: LAB_PORT_OFFSET={offset}',
  },
  MEMORY_LOW: {
    says: '{available} MiB of memory are available, the lab needs {needed}',
    fix: 'close something, or give the machine more (LAB_MEMORY for the VM)',
  },
  DISK_LOW: {
    says: '{available} MiB are free in {folder}, the lab needs {needed}',
    fix: 'free some space; `docker system df` shows what the engine holds',
    fixIn: { fault: 'free some space, or write less with --fill' },
  },
  NAME_TAKEN: {
    says: 'there is a {kind} named {name} that is not part of this lab',
    fix: 'free the name, if you can spare it: {command}; or run the lab under another one: LAB_NAME=lab2 LAB_PORT_OFFSET=1000',
  },
  BUSY: {
    says: 'another command is changing the lab {lab} right now ({holder})',
    fix: 'wait for it to end, then try again',
  },
  STATE_FOLDER: {
    says: 'the lab keeps its passwords and its lock in {folder}, and cannot: {problem}',
    fix: 'this user needs a folder to write in: mend that, or choose another: XDG_STATE_HOME=/a/folder/of/yours',
  },
  SECRETS_LOST: {
    says: 'the databases of the lab {lab} exist, but its passwords are not in {folder}',
    fix: 'run this as the user who set the lab up, or begin anew (the votes are deleted): zx scripts/teardown.ts',
  },
  SECRETS_BROKEN: {
    says: '{folder} does not hold the passwords of this lab: {problem}',
    fix: 'restore it, or begin anew (the votes are deleted): zx scripts/teardown.ts',
  },
  POSTGRES_CHANGED: {
    says: 'the data of {node} was made by PostgreSQL {made}, and LAB_POSTGRES asks for {asked}',
    fix: 'LAB_POSTGRES={made}, or begin anew (the votes are deleted): zx scripts/teardown.ts',
  },
  SPLIT_BRAIN: {
    says: 'both databases are primaries: {seen}',
    fix: 'zx scripts/rejoin.ts keeps the newer one and lists the votes that only the older one has',
    fixIn: {
      rejoin:
        'neither is newer: choose which one to keep, docker stop the other, then run this again: it lists the votes that only that one has',
    },
  },
  DATABASE_SILENT: {
    says: '{node} did not answer a question: {problem}',
    fix: 'see what it is doing: zx scripts/status.ts',
  },
  DATABASE_DOWN: {
    says: '{node} does not run (its container is {state})',
    fix: 'zx scripts/setup.ts starts what is down; zx scripts/failover.ts does without a primary',
  },
  HINDERED: { says: '{node}: {says}', fix: '{advice}' },
  NO_PRIMARY: {
    says: 'no database takes writes: {seen}',
    fix: 'zx scripts/setup.ts starts what is down; zx scripts/failover.ts promotes a standby',
  },
  NO_STANDBY: {
    says: 'at level {level} every commit would wait for a standby, and there is none: {seen}',
    fix: 'bring it back first (zx scripts/setup.ts or zx scripts/rejoin.ts), or set it all the same: zx scripts/replication.ts {level} --force',
  },
  VOTES_UNREADABLE: {
    says: 'the votes that only {node} has cannot be listed: {problem}',
    fix: 'nothing was thrown away, and {node} is fenced; mend that and run this again, or lose them knowingly: zx scripts/rejoin.ts --discard',
  },
  NEWER_IS_DOWN: {
    says: '{node}, which is down, is on a newer timeline than {primary}: kept, {primary} would be without the votes that came after it',
    fix: 'start it, docker start {container}, then run this again: it keeps the newer one',
  },
  NOTHING_TO_COPY: {
    says: '{node} has no data, and {peer} is no primary that it could be copied from: empty, it would begin a history of its own',
    fix: 'zx scripts/failover.ts --force makes {peer} the primary, then zx scripts/rejoin.ts copies {node}; or begin anew (the votes are deleted): zx scripts/teardown.ts',
  },
  NOTHING_TO_PROMOTE: {
    says: 'there is no standby to promote: {seen}',
    fix: 'zx scripts/setup.ts starts what is down; zx scripts/rejoin.ts brings back a fenced node',
  },
  ALREADY_PROMOTED: {
    says: '{primary} is the primary already, and {old}, which does not answer, was one before',
    fix: 'do not start {old} as it is: zx scripts/rejoin.ts brings it back as a standby',
  },
  REPLAY_NEEDS_SETTING: {
    says: '{node} has stopped replay by itself: {setting} is {here} there, and what it replays needs {needed}',
    fix: 'nothing was changed; docker restart {container} raises the setting, then run this again',
  },
  REPLAY_PAUSED: {
    says: 'replay is paused on {node}: somebody wants it to stand still',
    fix: "docker exec {container} psql -d polling -c 'select pg_wal_replay_resume()', then run this again",
    fixIn: {
      failover: "docker exec {container} psql -d polling -c 'select pg_wal_replay_resume()', or let --force do it",
    },
  },
  REPLAY_HELD: {
    says: '{node} is not ready to be the primary, {seen} (looked for {seconds} s)',
    fix: 'nothing was changed; wait until what is named above has ended, then run this again',
    fixIn: {
      failover:
        'nothing was changed; wait until the report has ended, or run this again without --keep-reports: it ends the report',
      switchover: 'nothing was changed; wait until the report has ended, or let --end-reports end it',
    },
  },
  LOSES_TOO_MUCH: {
    says: '{node} lacks {bytes} bytes of WAL that {old} has, and {allowed} may be lost',
    fix: 'bring {old} back (zx scripts/setup.ts), or lose them knowingly: zx scripts/failover.ts --max-lag {bytes}, or --force',
  },
  FENCED_NOT_PROMOTED: {
    says: '{old} is fenced, and nobody was promoted: {why}',
    fix: 'zx scripts/rejoin.ts undoes the fence, and nothing is lost; {command} promotes all the same',
  },
  LOSS_UNKNOWN: {
    says: 'nobody knows how much {node} lacks: the WAL of {old} cannot be read ({problem})',
    fix: 'bring {old} back (zx scripts/setup.ts), or promote all the same: zx scripts/failover.ts --force',
  },
  NOT_FENCED: {
    says: '{node} is not proved to be off: {seen}',
    fix: 'look at it (docker ps -a), then run zx scripts/failover.ts again',
  },
  NOT_PROMOTED: {
    says: '{node} was asked to become the primary and did not: {seen}',
    fix: 'docker logs {container}; zx scripts/failover.ts goes on where this one stopped',
    fixIn: {
      switchover:
        'docker logs {container}; this again goes on where it stopped, or zx scripts/rejoin.ts once {node} is the primary',
    },
  },
  SWITCHOVER_NOT_READY: {
    says: 'the roles cannot be swapped without loss: {seen}',
    fix: 'zx scripts/rejoin.ts gives the primary a standby that streams; zx scripts/failover.ts does without one that lives',
  },
  REPORT_STAYS: {
    says: '{node} is not ready to be the primary: in {seconds} s what was told to end did not let replay go on, {seen}',
    fix: 'nothing was changed; docker restart {container} ends whatever runs there, and keeps what it has received; then run this again',
  },
  STANDBY_BEHIND: {
    says: '{node} is {bytes} bytes of WAL behind: that would have to be sent while nobody can write',
    fix: 'wait until it has caught up (zx scripts/status.ts --watch), then run this again',
  },
  STANDBY_DELAYED: {
    says: '{node} replays each commit only {delay} later (recovery_min_apply_delay)',
    fix: "docker exec {container} psql -d polling -c 'alter system set recovery_min_apply_delay = 0' -c 'select pg_reload_conf()', then run this again",
  },
  SWITCHOVER_UNDONE: {
    says: '{standby} did not catch up, so {primary} is the primary again: {seen}',
    fix: 'nothing was lost; a report that replay waits for ends zx scripts/switchover.ts --end-reports, and what else holds it up says docker logs {container}',
  },
  FENCED: {
    says: '{node} is fenced: a failover left it behind, and started as it is it could be a second primary',
    fix: 'zx scripts/rejoin.ts brings it back as a standby and lists the votes that only it has, or as the primary where nobody was promoted',
  },
  NOT_SET_UP: { says: 'the lab {lab} is not set up: no {missing}', fix: 'zx scripts/setup.ts' },
  NODE_DIED: {
    says: '{node} does not stay up; its last lines:\n{log}',
    fix: '{advice}',
  },
  NODE_DOWN: {
    says: '{node} is waited for, but its container is {state}',
    fix: 'zx scripts/setup.ts brings it up; then run the same command again',
  },
  NODE_CHANGED: {
    says: '{node} is not as the lab made it: {what}',
    fix: 'zx scripts/setup.ts puts it right; then run the same command again',
  },
  NOT_STARTED: {
    says: 'the engine cannot start {container}: {stderr}',
    fix: 'zx scripts/setup.ts puts right what was changed by hand',
  },
  SETTING_HINDERS: {
    says: '{node} cannot work with the setting {setting}: {said}',
    fix: 'take it back: {command}; then zx scripts/setup.ts',
  },
  MIGRATION_FAILED: {
    says: 'the schema of {node} could not be brought up to date:\n{said}',
    fix: 'mend what it says, then zx scripts/setup.ts; a file that was changed after it was applied is restored (git status server/store/migrations), and the change goes into a new one',
  },
  TIMEOUT: {
    says: 'waited {seconds} s for {what}; last seen: {seen}',
    fix: '{advice}',
  },
  NO_SUCH_NODE: { says: '{name} is not a node', fix: 'one of {nodes}' },
  FAULT_PEER: { says: '{node} cannot be its own peer', fix: 'name other nodes, or none for all of them' },
  FAULT_MISFIT: {
    says: '{kind} does not fit {node} as it is now',
    fix: 'it fits {fits}; see roles with zx scripts/status.ts',
  },
  FAULT_STATE: {
    says: '{kind} is not possible on {node}, whose container is {state}',
    fix: 'heal it first: zx scripts/fault.ts heal {node}',
  },
  FAULT_UNREACHABLE: {
    says: 'the database of {node} cannot be asked: {problem}',
    fix: 'see what is wrong with it: zx scripts/status.ts; zx scripts/fault.ts list',
  },
  FAULT_UNKNOWN: { says: '{word} is neither a kind of fault nor a node', fix: 'kinds: {kinds}; nodes: {nodes}' },
  FAULTS_IN_FORCE: {
    says: '{what} cannot be while faults are in force: {faults}',
    fix: 'zx scripts/fault.ts heal, then run the same command again',
  },
  KERNEL_LACKS: {
    says: "this machine's kernel cannot do that: {said}",
    fix: "nothing was changed; run the lab on a kernel that has it (the VM, or Debian's own kernel), or choose another fault",
  },
  WOULD_SPLIT: {
    says: '{node} went down as a primary, and the other database is the primary now: started, there would be two',
    fix: 'bring {node} back as a standby: zx scripts/rejoin.ts, or begin anew (the votes are deleted): zx scripts/reset.ts',
  },
  RECORD_BROKEN: {
    says: '{file} is not as an experiment writes it: {problem}',
    fix: 'the run cannot be judged by it; run the experiment again',
  },
  LOAD_FAILED: {
    says: 'the load on {address} did not begin: {problem}',
    fix: 'see who is down: zx scripts/status.ts; begin anew: zx scripts/reset.ts',
  },
  WATCH_ENDED: {
    says: 'zx scripts/failover.ts --watch ended with exit code {exit}: {said}',
    fix: 'see what it said above',
  },
  NO_SUCH_EXERCISE: {
    says: '{word} is no exercise',
    fix: 'a number from 1 to {last}, or a name: zx scripts/exercise.ts list',
  },
  EXERCISE_BROKEN: {
    says: 'the exercise {name} does not load: {problem}',
    fix: 'mend the files in exercises/{name}; npm run -s typecheck may say more',
  },
  OTHER_EXERCISE: {
    says: 'the lab is in the state of {current}, and not of {asked}',
    fix: 'zx scripts/exercise.ts start {number}, or run this again without {word}',
  },
  NO_EXERCISE: { says: 'no exercise has been started', fix: 'zx scripts/exercise.ts start {next}' },
  POLLS_AT_STAKE: {
    says: 'the lab holds polls that are not of the current exercise and would be deleted: {polls}',
    fix: 'keep what you need of them (zx scripts/poll.ts list), then let them go: zx scripts/exercise.ts reset --discard',
    fixIn: { exercise: 'keep what you need of them (zx scripts/poll.ts list), then run this again with --discard' },
  },
  POLLS_UNKNOWN: {
    says: 'no database answers, so nobody can tell which polls would be deleted: {problem}',
    fix: 'bring the lab up (zx scripts/setup.ts), or delete whatever it holds: zx scripts/exercise.ts reset --discard',
    fixIn: {
      exercise: 'bring the lab up (zx scripts/setup.ts), or delete whatever it holds: run this again with --discard',
    },
  },
  PROGRESS_BROKEN: {
    says: '{file} does not hold the progress of a learner: {problem}',
    fix: 'restore it, or remove it: then the track begins anew',
  },
  STEP_FAILED: {
    says: 'exit {exit} from: {command}\n{said}',
    fix: 'read the lines above; start the exercise again and try the step by hand',
  },
  CALL_FAILED: { says: '{call} answered {status}: {details}', fix: '{advice}' },
  INTERRUPTED: {
    says: 'interrupted',
    fix: 'run the same command again: it goes on where this one stopped',
    fixIn: {
      bench: 'run the same command again: it starts from the beginning',
      experiment: 'run the same command again: it starts from the beginning',
    },
  },
} as const

export type ErrorCode = keyof typeof ERRORS
