# shellcheck shell=bash
# What init and scale write: everything that follows from the settings. Sourced, never run.

# write_files: secrets, commands of an operator, and what the monitoring reads.
write_files() {
  EVERGREEN_ENV_FILE=$ENV_FILE ./init >/dev/null
  render --commands >"$(local_files)/commands.json" || die "There is no file of commands: see above."
  write_monitoring
}

# The files that containers of Compose write for each other at their start.
write_monitoring() {
  local directory secrets
  directory=$(absolute "$(local_files)") secrets=$(absolute "$(local_files)")/secrets
  mkdir -p "$directory/configs/monitoring-access" "$directory/configs/alerting"
  # Each hash of a password is another one, and a changed file replaces containers.
  if ! cmp -s "$secrets/monitoring_password" "$directory/hashed_password"; then
    once --user "$(id -u):$(id -g)" monitoring-access
    cp "$secrets/monitoring_password" "$directory/hashed_password"
  fi
  once --user "$(id -u):$(id -g)" alerting
  # Where instances and workers are is known by names alone.
  sed -e 's#file_sd_configs: .*targets/api.json.*#dns_sd_configs: [{ names: [tasks.api], type: A, port: 8000, refresh_interval: 5s }]#' \
    -e 's#file_sd_configs: .*targets/worker.json.*#dns_sd_configs: [{ names: [tasks.worker], type: A, port: 9201, refresh_interval: 5s }]#' \
    ../monitoring/prometheus/prometheus.yml >"$directory/prometheus.yml"
  write_swarm_targets
}

write_swarm_targets() {
  local directory
  directory=$(local_files)/targets
  rm -f "$directory"/*.json
  write_job redis "$(store_targets redis "$(setting EVERGREEN_REDIS_NODES "")")"
  write_job sentinel "$(store_targets sentinel "$(setting REDIS_SENTINEL "")")"
  write_job backup "$(if has_profile backup; then named_target backup backup:9202; fi)"
  write_job exporter "$(named_target exporter exporter:9200)"
  write_job prometheus "$(named_target prometheus prometheus:9090)"
  write_job alertmanager "$(named_target alertmanager alertmanager:9093)"
}

store_targets() {
  local address number=0
  for address in $(printf '%s' "$2" | tr ',' ' '); do
    number=$((number + 1))
    named_target "$1-$number" "$address" ', "__exporter__": "redis-exporter:9121"'
  done
}

named_target() { printf '{"targets": ["%s"], "labels": {"instance": "%s"%s}}\n' "$2" "$1" "${3:-}"; }
