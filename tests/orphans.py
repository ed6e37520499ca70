"""What killed runs of tests have left on this machine: its name has the process that made it."""

import re

from agents.launch import is_running


def is_orphan(name: str, mark: str) -> bool:
    """Whether this is the name of something that was made by a process that runs no more. `mark` is how names begin, as
    in `evs{pid}-`."""
    before, after = map(re.escape, mark.split("{pid}"))
    made_by = re.match(rf"{before}(\d+){after}", name)
    return bool(made_by) and not is_running(int(made_by[1]))
