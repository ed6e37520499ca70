"""The variables of the environment of each process of the stack, where it has some of its own."""

from collections.abc import Mapping

from configuration import accounts, backups, shop
from devstack import credentials
from devstack.layout import BACKUP, EXPORTER, INSTANCES, WORKERS, Layout
from operations.store_users import API, CACHE


def process_variables(layout: Layout, name: str, environment: Mapping[str, str]) -> Mapping[str, str]:
    """The variables of this process; `environment` are those with which every command finds the topology."""
    if name in INSTANCES:
        return {
            accounts.WEBHOOK_NETWORKS.name: ",".join(layout.settings.webhook_networks),
            **environment,
            **layout.settings.caller_limits,
            **credentials.store_user(layout, API),
            shop.CACHE_PASSWORD_FILE.name: str(layout.secrets.password_file(CACHE)),
            "EVERGREEN_INSTANCE": name,
            shop.HOSTS.name: ",".join(layout.settings.hosts),
            "EVERGREEN_SOURCE_ADDRESS": layout.instances[name].host,
            "GUNICORN_BIND": f"unix:{layout.socket(name)}",
            "GUNICORN_CERTIFICATE": str(layout.certificate(name)) if layout.settings.tls else "",
            "PROMETHEUS_MULTIPROC_DIR": str(layout.memory / name),
        }
    if name in WORKERS:
        return {
            accounts.MAIL_DIRECTORY.name: str(layout.mails),
            accounts.WEBHOOK_NETWORKS.name: ",".join(layout.settings.webhook_networks),
            **environment,
            **credentials.store_user(layout, API),
            "EVERGREEN_INSTANCE": name,
            "EVERGREEN_SOURCE_ADDRESS": layout.workers[name].host,
            f"{shop.MONITORING_PASSWORD.name}_FILE": str(layout.monitoring_password),
        }
    if name == BACKUP:
        return {
            **environment,
            **layout.settings.backups.variables,
            **credentials.store_user(layout, BACKUP),
            "EVERGREEN_INSTANCE": name,
            f"{shop.MONITORING_PASSWORD.name}_FILE": str(layout.monitoring_password),
        }
    if name == EXPORTER:
        password = {f"{shop.MONITORING_PASSWORD.name}_FILE": str(layout.monitoring_password)}
        # The process that makes the backups has their metrics.
        variables = {shop.CERTIFICATES.name: str(layout.certificates), backups.TARGET.name: ""}
        return {**environment, **credentials.store_user(layout, EXPORTER), **password, **variables}
    return {}
