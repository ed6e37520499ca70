"""The embedded stack as an application: it brings the `stack` command, and is the deployment of operations."""

from django.apps import AppConfig

from operations import deployment


class DevstackConfig(AppConfig):
    """Registers the embedded stack as the deployment."""

    name = "devstack"

    def ready(self) -> None:
        deployment.register(_find)


def _find() -> deployment.Deployment:
    # Not imported before it is needed: an API instance never needs it.
    from devstack.deployment import find_deployment

    return find_deployment()
