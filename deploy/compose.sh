# shellcheck shell=bash
# What init, scale and roll share: the settings, and the stack as Compose knows it. Sourced, never run.

cd "$(dirname "${BASH_SOURCE[0]}")" || exit 1
ENV_FILE=${EVERGREEN_ENV_FILE:-.env}
FIRST_INSTANCES=2
FIRST_NODES=3
LEAST_NODES=2
MOST_NODES=5
FIRST_SENTINELS=3
MOST_SENTINELS=5
MOST_RESTARTS=5

say() { printf '%s\n' "$*"; }

die() {
  printf '%s\n' "$*" >&2
  exit 1
}

check_count() {
  case $2 in '' | *[!0-9]*) die "Say how many: $0 $1 $3 to $4." ;; esac
  [ "$2" -ge "$3" ] && [ "$2" -le "$4" ] || die "There can be $3 to $4 of $1, not $2."
}

check_sentinels() {
  case $1 in 3 | 5) ;; *) die "There can be 3 or 5 Sentinels, not $1: an even number survives no more failures than the odd one below it." ;; esac
}

need_settings() {
  [ -e "$ENV_FILE" ] || die "There are no settings ($ENV_FILE): run deploy/init first."
}

# lock_deployment: waits until no other script changes what runs, and has others wait until this one ends. A script
# that another one starts goes on under the lock of that one.
lock_deployment() {
  [ -z "${DEPLOYMENT_LOCKED:-}" ] || return 0
  mkdir -p "$(local_files)"
  exec 8>"$(local_files)/deployment.lock"
  flock --nonblock 8 || { say "Another script changes the deployment: this one waits for it." >&2 && flock 8; }
  DEPLOYMENT_LOCKED=yes
  export DEPLOYMENT_LOCKED
}

# setting NAME DEFAULT: what the environment says, or else the settings, as Compose has it.
setting() {
  local line
  [ -z "${!1:-}" ] || { printf '%s' "${!1}" && return; }
  line=$(grep "^$1=" "$ENV_FILE" | tail -n 1) || true
  line=${line#*=}
  line=${line%\"} && line=${line#\"}
  printf '%s' "${line:-$2}"
}

# write_setting NAME VALUE: changes its line, or adds one. The file is replaced whole.
write_setting() {
  local draft
  draft=$(mktemp "$ENV_FILE.XXXXXX")
  if grep -q "^$1=" "$ENV_FILE"; then
    awk -v name="$1" -v value="$2" 'index($0, name "=") == 1 { print name "=" value; next } { print }' "$ENV_FILE" >"$draft"
  else
    { cat "$ENV_FILE"; printf '%s=%s\n' "$1" "$2"; } >"$draft"
  fi
  mv "$draft" "$ENV_FILE"
}

prefix() { setting EVERGREEN_PREFIX 172.20.0; }

local_files() { setting EVERGREEN_LOCAL ./local; }

compose() { docker compose --env-file "$ENV_FILE" "$@"; }

# profiles KIND: the profiles of this kind that are on, one a line, as in api-3.
profiles() { setting COMPOSE_PROFILES "" | tr ',' '\n' | grep "^$1-" || true; }

# has_profile NAME: whether this profile is on.
has_profile() { setting COMPOSE_PROFILES "" | tr ',' '\n' | grep -qx "$1"; }

# remove_profile NAME: writes down that this profile is off.
remove_profile() {
  local others
  others=$(setting COMPOSE_PROFILES "" | tr ',' '\n' | grep -vx "$1" | grep . | paste -sd, -) || true
  write_setting COMPOSE_PROFILES "$others"
}

# numbered KIND FIRST: the services of this kind, in order: the first ones, and what was added.
numbered() {
  local number
  for number in $(seq "$2"); do say "$1-$number"; done
  profiles "$1"
}

instances() { numbered api "$FIRST_INSTANCES"; }

# nodes: the data nodes that the settings name, of which there may be fewer than Compose starts by itself.
nodes() {
  local number
  for number in $(seq "$(node_count)"); do say "redis-$number"; done
}

node_count() { setting EVERGREEN_REDIS_NODES "$(addresses 1 6379 "$FIRST_NODES")" | tr ',' '\n' | grep -c .; }

# addresses TENS PORT COUNT: so many addresses by comma, as of the data nodes or of the Sentinels.
addresses() {
  local number
  for number in $(seq "$3"); do say "$(prefix).$1$number:$2"; done | paste -sd, -
}

# watchers: the Sentinels.
watchers() { numbered sentinel "$FIRST_SENTINELS"; }

# switch_on KIND FIRST COUNT: writes down that so many services of this kind run.
switch_on() {
  local others added=""
  others=$(setting COMPOSE_PROFILES "" | tr ',' '\n' | grep -v "^$1-" | grep . | paste -sd, -) || true
  [ "$3" -le "$2" ] || added=$(seq -f "$1-%.0f" $(($2 + 1)) "$3" | paste -sd, -)
  write_setting COMPOSE_PROFILES "$(printf '%s\n' "$others" "$added" | grep . | paste -sd, -)"
}

# write_instances [NAME]: tells nginx which API instances there are, all but this one.
write_instances() {
  local name address directory
  directory=$(local_files)/nginx
  mkdir -p "$directory"
  chmod 755 "$directory"
  {
    say "# Written by deploy/init, deploy/scale and deploy/roll."
    for name in $(instances); do
      [ "$name" != "${1:-}" ] || continue
      address=$(prefix).7${name#api-}:8000
      say "server $address max_fails=3 fail_timeout=5s;"
      # Where all are out, all are tried again: the backups are the same instances, never out.
      say "server $address max_fails=0 backup;"
    done
  } >"$directory/instances.conf.new"
  chmod 644 "$directory/instances.conf.new"
  mv "$directory/instances.conf.new" "$directory/instances.conf"
}

# scraped_by_tls FILE: this configuration of Prometheus, which calls instances by TLS with its certificate, and has
# redis_exporter call data nodes and Sentinels by TLS. The dollars are for sed and Prometheus.
# shellcheck disable=SC2016
scraped_by_tls() {
  local files
  files="ca_file: /run/certificates/ca.pem, cert_file: /run/certificates/tls.pem, key_file: /run/certificates/tls.key"
  sed -e "s#^  - job_name: api\$#&\n    scheme: https\n    tls_config: { $files, server_name: api }#" \
    -e 's#"redis://\$1"#"rediss://$1"#' "$1"
}

# write_targets: tells Prometheus what there is to scrape, a file for each job of prometheus.yml.
write_targets() {
  local directory exporter
  directory=$(local_files)/targets
  exporter=", \"__exporter__\": \"$(prefix).151:9121\""
  mkdir -p "$directory"
  chmod 755 "$directory"
  write_job api "$(for name in $(instances); do target "$name" "7${name#api-}:8000"; done)"
  write_job worker "$(for number in 1 2; do target "worker-$number" "15$((number + 7)):9201"; done)"
  write_job backup "$(if has_profile backup; then target backup 161:9202; fi)"
  write_job redis "$(for name in $(nodes); do target "$name" "1${name#redis-}:6379" "$exporter"; done)"
  write_job sentinel "$(for name in $(watchers); do target "$name" "2${name#sentinel-}:26379" "$exporter"; done)"
  write_job exporter "$(target exporter 150:9200)"
  write_job nginx "$(target nginx 152:9113)"
  write_job prometheus "$(target prometheus 153:9090)"
  write_job alertmanager "$(target alertmanager 154:9093)"
  # An exporter for the machine itself is the machine's affair: docs/deploy.md.
  [ -e "$directory/node.json" ] || write_job node ""
  # deploy/autoscale writes its own while it runs.
  [ -e "$directory/autoscale.json" ] || write_job autoscale ""
}

# target NAME ADDRESS [LABELS]: one target; the address without its prefix.
target() { printf '{"targets": ["%s.%s"], "labels": {"instance": "%s"%s}}\n' "$(prefix)" "$2" "$1" "${3:-}"; }

write_job() {
  printf '[%s]\n' "$(printf '%s' "$2" | paste -sd, -)" >"$directory/$1.json.new"
  chmod 644 "$directory/$1.json.new"
  mv "$directory/$1.json.new" "$directory/$1.json"
}

running() { [ -n "$(compose ps --quiet --status running "$1" 2>/dev/null)" ]; }

# reload_nginx: every nginx that runs takes the instances as they are written now; what it has begun, it ends.
reload_nginx() {
  local proxy
  for proxy in nginx edge-1 edge-2; do
    running "$proxy" || continue
    # A container from before an update has a script that starts nginx alone, and a configuration for the list as it is.
    # shellcheck disable=SC2016
    compose exec -T --user 101:101 "$proxy" sh -c '{ ! grep -q ^divide_instances /etc/evergreen/serve || /etc/evergreen/serve divide_instances; } && nginx -t -q -e stderr -c /run/nginx/nginx.conf && kill -HUP "$(cat /run/nginx/nginx.pid)"' ||
      die "$proxy does not take the list of instances, and goes on with the one that it had."
  done
}

# sentinels COMMAND...: the answer of the first Sentinel that has one.
sentinels() {
  local name
  for name in $(watchers); do
    compose exec -T "$name" timeout 2 deploy/redis/cli -p 26379 sentinel "$@" 2>/dev/null && return
  done
  die "No Sentinel answers: docker compose -f deploy/compose.yml ps"
}

# primary: the service that the Sentinels call primary.
primary() {
  local address
  address=$(sentinels get-master-addr-by-name "$(setting REDIS_MASTER_NAME evergreen)" | head -n 1 | tr -d '\r')
  say "redis-${address##*.1}"
}

# as_operator COMMAND...: runs it in a container of its own that has the operator's password.
as_operator() { compose run --rm -T --no-deps operator "$@"; }

# renew NAME: replaces the container by a new one, and returns when that is well.
renew() {
  say "$1: replaced"
  compose up -d --no-deps --no-build --force-recreate "$1" || die_of_health "$1"
  until_healthy "$1"
}

# until_healthy NAME: returns when its health check, a command without a shell, succeeds, for which it has two minutes and
# a few restarts. The engine itself looks only once in each interval.
until_healthy() {
  local container check end=$((SECONDS + 120))
  container=$(compose ps --all --quiet "$1")
  mapfile -t check < <(docker inspect --format '{{range .Config.Healthcheck.Test}}{{println .}}{{end}}' "$container" | grep .)
  until timeout 5 docker exec "$container" "${check[@]:1}" >/dev/null 2>&1; do
    [ "$SECONDS" -lt "$end" ] || die_of_health "$1"
    [ "$(docker inspect --format '{{.RestartCount}}' "$container")" -le "$MOST_RESTARTS" ] || die_of_health "$1"
    sleep 1
  done
}

die_of_health() { die "$1 does not become healthy: docker compose -f deploy/compose.yml logs $1"; }
