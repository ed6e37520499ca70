"""The data nodes: replication, work, memory and disk."""

from monitoring.grafana.panels import Dashboard, Panel
from monitoring.grafana.queries import NODE, rate

REDIS = Dashboard(
    uid="evergreen-redis",
    title="Redis and replication",
    variables=(("node", 'label_values(redis_up{job="redis"}, instance)'),),
    rows=(
        (
            "Replication",
            (
                Panel(
                    title="Who is primary",
                    queries=[("evergreen_store_node_primary", "{{address}}")],
                    words={"0": "replica", "1": "primary"},
                ),
                Panel(
                    title="Lag",
                    queries=[("evergreen_store_replica_lag_bytes", "{{address}}")],
                    unit="bytes",
                    description="What a replica has not got of the primary's stream.",
                ),
                Panel(
                    title="Link to the primary",
                    queries=[("evergreen_store_replica_link_up", "{{address}}")],
                    words={"0": "down", "1": "up"},
                ),
                Panel(
                    title="Offset of the stream",
                    queries=[('rate(redis_master_repl_offset{instance=~"$node"}[$__rate_interval])', "{{instance}}")],
                    unit="Bps",
                ),
                Panel(
                    title="Full copies",
                    queries=[
                        ('increase(redis_replica_resyncs_full{instance=~"$node"}[$__rate_interval])', "{{instance}}")
                    ],
                    description="A replica that missed more than the backlog holds copies everything.",
                ),
                Panel(
                    title="Answers",
                    queries=[('redis_up{job="redis",instance=~"$node"}', "{{instance}}")],
                    words={"0": "down", "1": "up"},
                ),
            ),
        ),
        (
            "Work",
            (
                Panel(
                    title="Commands",
                    queries=[(rate("redis_commands_total", "instance", NODE), "{{instance}}")],
                    unit="ops",
                ),
                Panel(
                    title="Time in commands",
                    queries=[
                        (
                            f"topk(8, {rate('redis_commands_duration_seconds_total', 'cmd', NODE)})",
                            "{{cmd}}",
                        )
                    ],
                    unit="s",
                    description="Seconds of every second: one is all that a node has.",
                ),
                Panel(
                    title="CPU",
                    queries=[
                        (
                            'rate(redis_cpu_user_seconds_total{job="redis",instance=~"$node"}[$__rate_interval])'
                            ' + rate(redis_cpu_sys_seconds_total{job="redis",instance=~"$node"}[$__rate_interval])',
                            "{{instance}}",
                        )
                    ],
                    unit="percentunit",
                ),
                Panel(
                    title="Clients",
                    queries=[('redis_connected_clients{job="redis",instance=~"$node"}', "{{instance}}")],
                ),
                Panel(
                    title="Network",
                    queries=[
                        (
                            rate("redis_net_output_bytes_total", "instance", 'job="redis",instance=~"$node"'),
                            "{{instance}}",
                        )
                    ],
                    unit="Bps",
                ),
                Panel(
                    title="Slow commands kept",
                    queries=[('redis_slowlog_length{job="redis",instance=~"$node"}', "{{instance}}")],
                ),
            ),
        ),
        (
            "Memory and disk",
            (
                Panel(
                    title="Memory",
                    queries=[
                        ('redis_memory_used_bytes{job="redis",instance=~"$node"}', "{{instance}}, used"),
                        ('redis_memory_used_rss_bytes{job="redis",instance=~"$node"}', "{{instance}}, resident"),
                    ],
                    unit="bytes",
                ),
                Panel(
                    title="Written to disk",
                    queries=[
                        ('redis_aof_last_write_status{instance=~"$node"}', "{{instance}}, append-only file"),
                        ('redis_rdb_last_bgsave_status{instance=~"$node"}', "{{instance}}, snapshot"),
                    ],
                    words={"0": "failed", "1": "well"},
                ),
                Panel(
                    title="Disk left",
                    queries=[
                        (
                            'node_filesystem_avail_bytes{fstype!~"tmpfs|ramfs"}'
                            ' / node_filesystem_size_bytes{fstype!~"tmpfs|ramfs"}',
                            "{{mountpoint}}",
                        )
                    ],
                    unit="percentunit",
                ),
            ),
        ),
        (
            "Backups",
            (
                Panel(
                    title="Age of the newest backup",
                    queries=[
                        ("time() - max(evergreen_backup_newest_timestamp_seconds)", "age"),
                        ("max(evergreen_backup_max_age_seconds)", "too old"),
                    ],
                    unit="s",
                    description="What is written since is lost where every machine is.",
                ),
                Panel(
                    title="Size of the newest backup",
                    queries=[("max(evergreen_backup_newest_bytes)", "")],
                    unit="bytes",
                ),
                Panel(
                    title="Made and failed in 24 hours",
                    queries=[("sum by (outcome) (increase(evergreen_backup_turns_total[24h]))", "{{outcome}}")],
                    description="One that failed is tried again within five minutes.",
                ),
            ),
        ),
    ),
)
