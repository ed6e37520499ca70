"""The credential with which Prometheus asks everything that it scrapes, and people ask Prometheus and Alertmanager.

`python -m operations.monitoring_access OUTPUT` writes the web configuration of Prometheus and its kind from
EVERGREEN_MONITORING_PASSWORD.
"""

import base64
import hmac
import json
import os
import sys
from pathlib import Path

import bcrypt

import configuration
from configuration import ConfigurationError, Scope, shop

USER = "prometheus"
#: The programs compare each request with it, and remember those that fit. The password is random: a higher cost would
#: protect nothing.
BCRYPT_ROUNDS = 8


def authorization(password: str) -> str:
    """Return the Authorization header of a request with this password."""
    return "Basic " + base64.b64encode(f"{USER}:{password}".encode()).decode()


def is_authorized(header: str, password: str) -> bool:
    """Return whether this Authorization header has the password. Every header has, where the password is empty."""
    return not password or hmac.compare_digest(header.encode(), authorization(password).encode())


def web_config(password: str) -> str:
    """Return the file that Prometheus, Alertmanager and exporters take as --web.config.file."""
    hashed = bcrypt.hashpw(password.encode(), bcrypt.gensalt(BCRYPT_ROUNDS)).decode()
    # JSON is YAML.
    return json.dumps({"basic_auth_users": {USER: hashed}})


def main() -> None:
    """Write the file that the command line names."""
    if len(sys.argv) != 2:
        sys.exit("usage: python -m operations.monitoring_access OUTPUT")
    try:
        password = configuration.read(Scope.ALERTING, os.environ)[shop.MONITORING_PASSWORD]
    except ConfigurationError as error:
        sys.exit(str(error))
    if not password:
        sys.exit(f"{shop.MONITORING_PASSWORD.name} is empty: run deploy/init.")
    Path(sys.argv[1]).write_text(web_config(password), "utf-8")


if __name__ == "__main__":
    main()
