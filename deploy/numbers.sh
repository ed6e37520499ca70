# shellcheck shell=bash
# Data nodes and Sentinels by number: the steps in their order, of deploy/scale and deploy/swarm/scale, which have what
# carries out a step. Each step leaves a state in which nothing is lost, and a repeat completes what was interrupted:
# ADR 60 has the reasons. Sourced, never run.

# resize_step STEP...: done or waited for, by all Sentinels.
resize_step() { as_operator python manage.py resize_step "$@"; }

forget_stale() { as_operator python manage.py topology --forget-stale; }

# A replica that acknowledges must be one that every instance counts, or a write would be believed that another one
# lacks. So it is announced first: from then on every instance counts it, as one that is down.
scale_redis() {
  local before number
  before=$(node_count)
  for number in $(seq $((before + 1)) "$1"); do
    say "redis-$number: announced, until every instance counts it"
    as_operator python manage.py topology --announce "$(data_address "$number")"
    count_nodes "$number"
  done
  for number in $(seq "$before" -1 $(($1 + 1))); do
    stop_node "$number"
    count_nodes $((number - 1))
  done
  say "The data nodes learn of each other, and those that are new are started"
  renew_nodes "$before"
  renew_callers
  forget_stale
  renew_monitoring
  say "There are $1 data nodes."
}

# The other way round: it hands over and goes; only when no instance counts it any more may the Sentinels forget it.
stop_node() {
  local address
  address=$(data_address "$1")
  while [ "$(primary)" = "redis-$1" ]; do
    say "redis-$1: hands over to another one"
    as_operator python manage.py failover
  done
  resize_step spare "$address"
  say "redis-$1: stopped"
  remove_service redis "$1"
  resize_step down "$address"
}

scale_sentinel() {
  local before number
  before=$(sentinel_count)
  if [ "$1" -gt "$before" ]; then
    add_sentinels "$before" "$1"
  else
    resize_step quorum "$1" --first "$before"
    name_sentinels "$1"
  fi
  renew_callers
  for number in $(seq "$before" -1 $(($1 + 1))); do
    say "sentinel-$number: stopped"
    remove_service sentinel "$number"
  done
  forget_stale
  say "The data nodes learn of the new number"
  renew_nodes "$(node_count)"
  renew_monitoring
  say "There are $1 Sentinels."
}

# One after the other, each only when all know of the one before: two that know only each other, and a third one, would
# be enough to elect a primary of which the rest hears nothing.
add_sentinels() {
  local number
  name_sentinels "$2"
  for number in $(seq $(($1 + 1)) "$2"); do
    resize_step agreed --first $((number - 1))
    say "sentinel-$number: started, until all Sentinels know it"
    start_sentinel "$number"
  done
  resize_step agreed
  resize_step quorum "$2"
}
