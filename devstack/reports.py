"""What a command says it has done to a process, and where to watch what comes of it."""

from configuration import PROGRAM
from devstack.layout import NGINX, Layout
from devstack.render import kind

PRIMARY = "primary"
#: What follows the end of a process, by its kind.
_CONSEQUENCES = {
    "redis": "Reads go to the other nodes, and it follows the primary again in a moment",
    "sentinel": "The others go on watching",
    "api": "nginx repeats its requests on the other instance",
    NGINX: "Nothing is served until it is back",
}
_OF_PRIMARY = "Writes wait until another node is primary, and none is lost"


def killed(layout: Layout, name: str, role: str, pid: int) -> str:
    """What was killed, what follows, and where to watch."""
    consequence = _OF_PRIMARY if role == PRIMARY else _CONSEQUENCES.get(kind(name), "The shop serves meanwhile")
    return (
        f"{_titled(name, role)}, process {pid}, was ended by SIGKILL, and the supervisor starts it again. "
        f"{consequence}.\n{_watch(layout)}"
    )


def restarted(layout: Layout, name: str, role: str, pid: int, seconds: float) -> str:
    """What was restarted, for how long it was away, and where to watch."""
    does_its_part = "follows or leads again" if name in layout.redis else "does its part again"
    sentence = f"{_titled(name, role)} was restarted, and {does_its_part} after {seconds:.1f} s as process {pid}."
    return f"{sentence}\n{_watch(layout)}"


def _titled(name: str, role: str) -> str:
    return f"{name} ({role})" if role else name


def _watch(layout: Layout) -> str:
    return f"Watch: {layout.url}/status/, or `{PROGRAM} topology --watch`."
