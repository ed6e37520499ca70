"""`python -m configuration`: prints the reference of all variables, which is docs/configuration.md."""

import sys

from configuration.document import markdown

sys.stdout.write(markdown())
