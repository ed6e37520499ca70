# shellcheck shell=bash
# What init, up, roll, scale, drain and check share. Sourced, never run.

EVERGREEN_ENV_FILE=${EVERGREEN_ENV_FILE:-swarm/.env}
# shellcheck source=deploy/compose.sh
. "$(dirname "${BASH_SOURCE[0]}")/../compose.sh"

ROLL_TIMEOUT_S=300

stack() { setting COMPOSE_PROJECT_NAME evergreen; }

need_manager() {
  [ "$(docker info --format '{{.Swarm.ControlAvailable}}' 2>/dev/null)" = true ] ||
    die "This machine is no manager of a swarm: docker swarm init --advertise-addr ADDRESS, and on the others" \
      "docker swarm join, as docker swarm join-token manager shows it."
}

api_image() { say "$(setting EVERGREEN_API_IMAGE evergreen-api):$(setting EVERGREEN_VERSION local)"; }

absolute() { (cd "$1" && pwd); }

# render WORD...: the stack file of compose.yml and the settings, by operations/swarm_stack.py in the API's image.
render() {
  local repository directory
  repository=$(absolute ..) directory=$(absolute "$(local_files)")
  compose --profile '*' config --format json |
    docker run --rm -i --network none --read-only --cap-drop ALL --user "$(id -u):$(id -g)" \
      --volume "$repository:$repository:ro" --volume "$directory:$directory:ro" "$(api_image)" \
      python -m operations.swarm_stack --directory "$directory" \
      --set "COMPOSE_PROFILES=$(setting COMPOSE_PROFILES "")" \
      --set "EVERGREEN_API_REPLICAS=$(setting EVERGREEN_API_REPLICAS 3)" \
      --set "EVERGREEN_MONITORING_ADDRESS=$(setting EVERGREEN_MONITORING_ADDRESS "")" "$@"
}

# deploy_services WORD...: makes or changes these services, and leaves every other one alone.
deploy_services() {
  local file
  file=$(mktemp "$(local_files)/stack.XXXXXX")
  render "$@" >"$file" || { rm -f "$file"; die "There is no stack file: see above."; }
  docker stack deploy --with-registry-auth --resolve-image never -c "$file" "$(stack)" >"$file.log" 2>&1 ||
    { cat "$file.log" >&2; rm -f "$file" "$file.log"; die "docker stack deploy failed."; }
  rm -f "$file" "$file.log"
}

# services: those that run, without the stack's name, one a line.
services() {
  docker stack services --format '{{.Name}} {{.Replicas}}' "$(stack)" 2>/dev/null |
    sed -n -e '/ 0\/0$/d' -e "s/^$(stack)_\([^ ]*\) .*/\1/p" | sort
}

# running_of PATTERN: the services that run and whose names begin so.
running_of() { services | grep -E "^($1)" || true; }

# complete SERVICE: whether as many tasks run as there should; a task runs when its health check says so. `docker service
# ls` counts tasks of a machine that is lost as running ones.
complete() {
  local states running wanted
  states=$(docker service ps --filter desired-state=running --format '{{.CurrentState}}' "$(stack)_$1" 2>/dev/null) || return 1
  wanted=$(docker service inspect --format '{{with .Spec.Mode.Replicated}}{{.Replicas}}{{end}}' "$(stack)_$1") || return 1
  running=$(printf '%s\n' "$states" | grep -c '^Running' || true)
  [ "$running" -gt 0 ] && [ "$running" = "$(printf '%s\n' "$states" | grep -c .)" ] && [ "$running" = "${wanted:-$running}" ]
}

# until_complete SERVICE: returns when all of it runs.
until_complete() {
  local end=$((SECONDS + ROLL_TIMEOUT_S))
  until complete "$1"; do
    [ "$SECONDS" -lt "$end" ] || die "$1 is not complete after $ROLL_TIMEOUT_S s: docker service ps --no-trunc $(stack)_$1"
    sleep 1
  done
}

# until_updated SERVICE: returns when its update has ended well and all of it runs. The state of the last update remains.
until_updated() {
  local state end=$((SECONDS + ROLL_TIMEOUT_S))
  while :; do
    state=$(docker service inspect --format '{{if .UpdateStatus}}{{.UpdateStatus.State}}{{end}}' "$(stack)_$1")
    case $state in
      paused | rollback_*) die "$1 does not become healthy: docker service ps --no-trunc $(stack)_$1" ;;
      completed | '') ! complete "$1" || return 0 ;;
    esac
    [ "$SECONDS" -lt "$end" ] || die "$1 is not complete after $ROLL_TIMEOUT_S s: docker service ps --no-trunc $(stack)_$1"
    sleep 1
  done
}

# once SERVICE WORD...: runs a service of Compose that ends, in a container of its own on this machine.
once() {
  docker compose --project-directory . -f "$(local_files)/commands.json" run --rm -T --no-deps "$@"
}

# operator COMMAND...: in a container on this machine that has the operator's password.
operator() { once operator "$@"; }

# renew SERVICE ...: new containers for these, and returns when they run.
renew() {
  local service
  say "$*: replaced"
  deploy_services --stamp "$(date +%s)" "$@"
  for service in "$@"; do until_updated "$service"; done
}

# renew_in_step SERVICE: the next one only after this one is there. No && between them: a failure would not end the roll.
renew_in_step() {
  renew "$1"
  until_in_step "$1"
}

# renew_data_nodes DATA-NODE ...: replicas first; then the primary hands over, and is a replica like the others.
renew_data_nodes() {
  local first name
  first=$(primary)
  for name in "$@"; do
    [ "$name" = "$first" ] || renew_in_step "$name"
  done
  case " $* " in
    *" $first "*)
      hand_over "$first"
      renew_in_step "$first"
      ;;
  esac
}

# primary: the data node that the Sentinels call primary, as in redis-2.
primary() {
  local address number=0 each
  address=$(operator python manage.py topology --json 2>/dev/null | sed -n 's/^  "primary": "\(.*\)",*$/\1/p')
  [ -n "$address" ] || die "No primary: deploy/swarm/check"
  for each in $(setting EVERGREEN_REDIS_NODES "" | tr ',' ' '); do
    number=$((number + 1))
    [ "$each" != "$address" ] || say "redis-$number"
  done
}

hand_over() {
  say "$1: hands over to a replica"
  operator python manage.py failover
}

# node_of LABEL VALUE: the host name of the machine with this label.
node_of() {
  local id
  for id in $(docker node ls --quiet); do
    [ "$(node_label "$id" "$1")" != "$2" ] || docker node inspect --format '{{.Description.Hostname}}' "$id"
  done
}

# addresses LABEL PORT COUNT: of the machines with this label and 1 to COUNT, in order, by comma.
addresses() {
  local number node
  for number in $(seq "$3"); do
    node=$(node_of "evergreen.$1" "$number")
    [ -z "$node" ] || say "$(node_address "$node"):$2"
  done | paste -sd, -
}

node_label() { docker node inspect --format "{{index .Spec.Labels \"$2\"}}" "$1"; }

# node_address NODE: the address by which the other machines call it.
node_address() {
  local address
  address=$(node_label "$1" evergreen.address)
  [ -n "$address" ] || address=$(docker node inspect --format '{{.Status.Addr}}' "$1")
  # A manager that leads may name 0.0.0.0.
  [ "$address" != 0.0.0.0 ] || address=$(docker node inspect --format '{{.ManagerStatus.Addr}}' "$1" | sed 's/:[0-9]*$//')
  say "$address"
}

# until_in_step DATA-NODE: returns when it follows the primary, or is the primary, and the store is whole.
until_in_step() {
  local end=$((SECONDS + ROLL_TIMEOUT_S))
  until operator python manage.py topology --json 2>/dev/null | grep -q '^  "status": "ok"'; do
    [ "$SECONDS" -lt "$end" ] || die "$1 is not in step with the primary: deploy/swarm/check"
    sleep 1
  done
}
