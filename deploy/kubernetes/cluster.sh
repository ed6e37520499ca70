# shellcheck shell=bash
# What roll and scale share: the settings, and the Pods as the cluster knows them. Sourced, never run.

KUBERNETES=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export EVERGREEN_LOCAL=${EVERGREEN_LOCAL:-$KUBERNETES/local}
export EVERGREEN_ENV_FILE=${EVERGREEN_ENV_FILE:-$EVERGREEN_LOCAL/settings}
# shellcheck source=deploy/compose.sh
. "$KUBERNETES/../compose.sh"
NAMESPACE=evergreen
MAX_READY_S=1800
MAX_HAND_OVER_S=60

kube() { kubectl --namespace "$NAMESPACE" "$@"; }

# count KIND: how many Pods the StatefulSet has.
count() { kube get statefulset "$1" -o 'jsonpath={.spec.replicas}'; }

pods() {
  local number
  for number in $(seq 0 $(($(count "$1") - 1))); do say "$1-$number"; done
}

# service_address NAME: by which the Pod of this name is announced.
service_address() { kube get service "$1" -o 'jsonpath={.spec.clusterIP}'; }

is_ready() {
  [ "$(kube get pod "$1" -o 'jsonpath={.status.conditions[?(@.type=="Ready")].status}' 2>/dev/null)" = True ]
}

until_ready() {
  local end=$((SECONDS + MAX_READY_S))
  until is_ready "$1"; do
    [ "$SECONDS" -lt "$end" ] || die "$1 does not become ready: kubectl -n $NAMESPACE logs $1"
    sleep 1
  done
}

# ask NAME COMMAND...: the answer of one Sentinel.
ask() { kube exec "$1" -- timeout 2 deploy/redis/cli -p 26379 sentinel "${@:2}" 2>/dev/null | tr -d '\r'; }

# primary: the data node that the first Sentinel with an answer calls primary.
primary() {
  local sentinel address node
  for sentinel in $(pods sentinel); do
    address=$(ask "$sentinel" get-master-addr-by-name "$(setting REDIS_MASTER_NAME evergreen)" | head -n 1) || true
    [ -z "$address" ] || break
  done
  [ -n "${address:-}" ] || die "No Sentinel answers: kubectl -n $NAMESPACE get pods"
  for node in $(pods redis); do
    if [ "$(service_address "$node")" = "$address" ]; then
      say "$node"
      return
    fi
  done
  die "The Sentinels call $address primary, which is the address of no data node's Service: docs/kubernetes.md"
}

# hand_over NODE: returns when another data node is primary, and all have their roles.
hand_over() {
  local end=$((SECONDS + MAX_HAND_OVER_S)) node
  say "$1: hands over to a replica"
  "$KUBERNETES/operate" python manage.py failover
  while [ "$(primary)" = "$1" ]; do
    [ "$SECONDS" -lt "$end" ] || die "$1 is primary still: kubectl -n $NAMESPACE logs sentinel-0"
    sleep 1
  done
  for node in $(pods redis); do until_ready "$node"; done
}
