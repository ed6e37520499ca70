"""Times as operators write them: 30m, 26h, 1d."""

import re

UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def parse_duration(text: str) -> float:
    """The seconds of a time such as 26h. Raises ValueError where it is none, or zero."""
    match = re.fullmatch(r"(\d{1,6})([smhd])", text)
    if not match or not int(match[1]):
        raise ValueError(f"{text} is no time: give a number and s, m, h or d, as in 6h.")
    return float(int(match[1]) * UNITS_S[match[2]])
