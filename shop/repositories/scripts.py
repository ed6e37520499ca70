"""The Lua scripts of the shop, one file per operation in `lua/`."""

from importlib import resources

from exactly_once.scripts import Scripts

FOLDER = resources.files("shop.repositories") / "lua"


def shop_scripts() -> Scripts:
    """Every script of the shop, read from the package."""
    return Scripts(FOLDER)
