"""Schema 4: every change of a stock is a movement, and every change emits an event, in the script that makes it.

No record changes: fields that one lacks are read with defaults, and the first change of a stock makes a movement of the
stock so far. The version is another one so that no script of schema 3 writes beside those of schema 4: it would leave
the ledger behind, and emit nothing.
"""

from exactly_once import Migration

MIGRATION = Migration(version=4, steps=())
