"""Every variable of the environment: declared once, read in one place, documented from the declaration.

The package is below all others and imports none of them. `python -m configuration > docs/configuration.md` writes the
reference.
"""

from configuration.program import PROGRAM, ROOT, START
from configuration.reading import read
from configuration.sources import read_shop, read_stack
from configuration.values import ConfigurationError, Values
from configuration.variable import Scope, Variable

__all__ = [
    "PROGRAM",
    "ROOT",
    "START",
    "ConfigurationError",
    "Scope",
    "Values",
    "Variable",
    "read",
    "read_shop",
    "read_stack",
]
