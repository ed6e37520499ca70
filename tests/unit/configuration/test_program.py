from pathlib import Path

from configuration import ROOT
from configuration.program import program
from configuration.sources import base_directory


def test_hints_name_a_command_that_works_in_this_directory():
    assert program(ROOT, ROOT, is_source_tree=True) == "./manage.py"
    assert program(ROOT, Path("/"), is_source_tree=True) == str(ROOT / "manage.py")
    assert program(ROOT, ROOT, is_source_tree=False) == "evergreen-stores"


def test_a_source_tree_has_its_data_beside_it():
    assert base_directory({"XDG_DATA_HOME": "/data"}, is_source_tree=True) == ROOT


def test_an_installed_package_has_its_data_where_the_user_has_data():
    assert base_directory({"XDG_DATA_HOME": "/data"}, is_source_tree=False) == Path("/data/evergreen-stores")
    home = base_directory({"HOME": "/home/ada"}, is_source_tree=False)
    assert home == Path("/home/ada/.local/share/evergreen-stores")
