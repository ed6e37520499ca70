"""Health checks in a swarm, which ends a task whose check fails three times.

A check asks whether the server answers, and not for more: a data node without its primary, a Sentinel without the
others and an nginx without instances go on, and are there when the others are back.
"""

from typing import Any

_ALIVE, _READY = (f"deploy/api/healthy 8000 {path}" for path in ("/livez", "/readyz"))
CHECKS = {
    "redis": "timeout 2 deploy/redis/cli ping >/dev/null",
    "sentinel": "timeout 2 deploy/redis/cli -p 26379 ping >/dev/null",
    "nginx": "curl -sS -m 3 -o /dev/null http://127.0.0.1:8082/",
    # It is in DNS once it could serve, and a roll goes on then. From then on, only whether it lives counts.
    "api": f"if [ -e /tmp/ready ]; then {_ALIVE}; else {_READY} && : >/tmp/ready; fi",
}


def checked(service: dict[str, Any], part: str) -> dict[str, Any]:
    """The service with the check of its part."""
    return service | {"healthcheck": service["healthcheck"] | {"test": ["CMD-SHELL", CHECKS[part]]}}
