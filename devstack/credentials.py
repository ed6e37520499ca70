"""Files of the run directory for commands: the secret key, and the environment of the shop."""

import secrets

from agents.launch import write_private
from configuration import shop
from devstack.layout import Layout
from operations.store_users import OPERATOR


def secret_key(layout: Layout) -> str:
    """The shop's secret key: made at the first start, the same ever after."""
    path = layout.run / "secret_key"
    if not path.exists():
        write_private(path, secrets.token_urlsafe(64))
    return path.read_text().strip()


def monitoring_password(layout: Layout) -> str:
    """The password with which everything that monitors is asked: made at the first start, the same ever after."""
    if not layout.monitoring_password.exists():
        write_private(layout.monitoring_password, secrets.token_urlsafe(32))
    return layout.monitoring_password.read_text().strip()


def environment(layout: Layout) -> dict[str, str]:
    """The variables with which the shop, and every command of it, finds this topology."""
    return {
        "DJANGO_SETTINGS_MODULE": "evergreen.settings",
        "SECRET_KEY": secret_key(layout),
        # One in the environment of the caller is for another store.
        "SECRET_KEY_FILE": "",
        "REDIS_MASTER_NAME": layout.settings.primary_name,
        "REDIS_SENTINEL": ",".join(map(str, layout.sentinels.values())),
        "EVERGREEN_STORE": layout.settings.store,
        "EVERGREEN_REPLICAS": str(len(layout.redis) - 1),
        "EVERGREEN_DURABILITY": layout.settings.durability,
        **layout.settings.shop_variables,
        **store_user(layout, OPERATOR),
    }


def store_user(layout: Layout, user: str) -> dict[str, str]:
    """The variables with which a process calls the store as this user."""
    return {
        shop.REDIS_USERNAME.name: user,
        shop.REDIS_PASSWORD_FILE.name: str(layout.secrets.password_file(user)),
        shop.REDIS_CA_FILE.name: str(layout.authority or ""),
    }


def write_environment(layout: Layout) -> dict[str, str]:
    """Write the environment into the run directory as KEY=VALUE lines, and return it."""
    variables = environment(layout)
    write_private(layout.run / "env", "".join(f"{key}={value}\n" for key, value in variables.items()))
    return variables
