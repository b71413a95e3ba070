"""The example of docs/library.md runs as it stands there, and what its table names is there."""

import re
import shutil
from importlib import import_module

from conftest import PROJECT

PAGE = (PROJECT / "docs" / "library.md").read_text(encoding="utf-8")


def test_the_example(tmp_path, monkeypatch, test_data, capsys):
    for name in ("CTCF.fa", "p73.fa", "new.fa"):
        shutil.copy(test_data / name, tmp_path)
    monkeypatch.chdir(tmp_path)
    (example,) = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    names = {}
    exec(compile(example, "docs/library.md", "exec"), names)
    assert -1 <= names["evaluation"].scores["mcc"] <= 1
    assert set(names["predictions"]["predicted"]) <= {"CTCF", "p73"} and len(names["predictions"]) > 1
    assert "CTCF" in capsys.readouterr().out


def test_the_table():
    rows = re.findall(r"^\| \w+ \| `([\w.]+)\([\w, ]+\)` \| `([\w.]+)` \|$", PAGE, flags=re.MULTILINE)
    assert len(rows) == 9
    for names in rows:
        for name in names:
            module, _, found = name.rpartition(".")
            assert hasattr(import_module(module), found), name
