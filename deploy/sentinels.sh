# shellcheck shell=bash
# What the scripts that change numbers ask of the Sentinels. Sourced, never run, by a script that has `watchers`, the
# Sentinels by name, and `ask NAME COMMAND...`, the answer of one of them.

master_name() { setting REDIS_MASTER_NAME evergreen; }

# set_quorum NUMBER: so many Sentinels must find a primary down.
set_quorum() {
  local name
  for name in $(watchers); do
    [ "$(ask "$name" set "$(master_name)" quorum "$1")" = OK ] || die "$name does not take a quorum of $1."
  done
}

# until_sentinels_know COUNT: waits until each Sentinel knows so many others.
until_sentinels_know() {
  local end=$((SECONDS + 60)) name others
  for name in $(watchers); do
    until others=$(ask "$name" master "$(master_name)" | awk 'last == "num-other-sentinels" { print } { last = $0 }') &&
      [ "${others:-0}" -ge "$1" ]; do
      [ "$SECONDS" -lt "$end" ] || die "$name does not know the others: look at its log."
      sleep 0.2
    done
  done
}

# until_sentinels_find_down ADDRESS: waits until all of them find the data node at HOST:PORT down.
until_sentinels_find_down() {
  local end=$((SECONDS + 60))
  while [ "$(agreeing "$1")" -lt "$(watchers | grep -c .)" ]; do
    [ "$SECONDS" -lt "$end" ] || die "Not every Sentinel finds $1 down: look at their logs."
    sleep 0.2
  done
}

# agreeing ADDRESS: how many Sentinels find this data node down.
agreeing() {
  local name flags count=0
  for name in $(watchers); do
    flags=$(ask "$name" replicas "$(master_name)" |
      awk -v name="$1" '$0 == name { mine = 1 } mine && last == "flags" { print; exit } { last = $0 }') || true
    case $flags in *s_down*) count=$((count + 1)) ;; esac
  done
  say "$count"
}

check_sentinels() {
  case $1 in 3 | 5) ;; *) die "There can be 3 or 5 Sentinels, not $1: an even number survives no more failures than the odd one below it." ;; esac
}

# check_count SCRIPT KIND NUMBER LEAST MOST
check_count() {
  case $3 in '' | *[!0-9]*) die "Say how many: $1 $2 $4 to $5." ;; esac
  [ "$3" -ge "$4" ] && [ "$3" -le "$5" ] || die "There can be $4 to $5 of $2, not $3."
}
