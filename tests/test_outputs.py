import os
import re

import pytest

from dna_lm.outputs import staged
from refusals import refusal


def use(*targets, text="new"):
    with staged(*map(str, targets)) as paths:
        for path in paths:
            path.write_text(text)


def test_all_outputs_come_into_place_together(tmp_path):
    first, second = tmp_path / "a.csv", tmp_path / "b.csv"
    second.write_text("old")
    with staged(str(first), str(second)) as paths:
        for path in paths:
            path.write_text("new")
        assert not first.exists()
        assert second.read_text() == "old"
    assert first.read_text() == second.read_text() == "new"
    assert sorted(os.listdir(tmp_path)) == ["a.csv", "b.csv"]


@pytest.mark.parametrize("end", [ValueError, KeyboardInterrupt, SystemExit])
def test_after_an_error_everything_is_as_it_was(tmp_path, end):
    first, second = tmp_path / "a.csv", tmp_path / "b.csv"
    second.write_text("old")
    with pytest.raises(end), staged(str(first), str(second)) as paths:
        paths[0].write_text("half")
        paths[1].write_text("half")
        raise end
    assert os.listdir(tmp_path) == ["b.csv"]
    assert second.read_text() == "old"


def test_a_file_without_a_folder_in_its_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    use("a.csv")
    assert (tmp_path / "a.csv").read_text() == "new"


def test_a_missing_folder_is_refused(tmp_path):
    target = tmp_path / "no" / "a.csv"
    assert refusal(use, tmp_path / "b.csv", target) == (
        f"cannot write {target}: No such file or directory; choose another place"
    )
    assert os.listdir(tmp_path) == []


def test_a_name_too_long_is_refused(tmp_path):
    assert "File name too long; choose another place" in refusal(use, tmp_path / ("x" * 300))


def test_a_folder_in_the_place_of_an_output_is_refused_before_anything_is_written(tmp_path):
    (tmp_path / "b").mkdir()
    message = refusal(use, tmp_path / "a", tmp_path / "b")
    assert re.fullmatch(r"cannot write .*/b: it is a folder or a device; choose another place", message)
    assert os.listdir(tmp_path) == ["b"]


def test_a_pipe_or_device_is_refused_and_not_replaced(tmp_path):
    # For root, moving a file over /dev/null would succeed.
    os.mkfifo(tmp_path / "pipe")
    assert "it is a folder or a device" in refusal(use, tmp_path / "pipe")
    assert (tmp_path / "pipe").is_fifo()
    assert os.listdir(tmp_path) == ["pipe"]


def test_one_file_for_two_outputs_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    message = refusal(use, "a.csv", tmp_path / "b.csv", tmp_path / "a.csv")
    assert message == "cannot write a.csv: two outputs have this place; choose another place"
    assert os.listdir(tmp_path) == []


def test_an_empty_path_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert refusal(use, "") == "the name of a file to write is empty; give one"


def test_a_link_is_written_through(tmp_path):
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    use(tmp_path / "link")
    assert (tmp_path / "real").read_text() == "new"
    assert (tmp_path / "link").is_symlink()
