"""What `make test-install` says of an upload and of results, without its servers."""

import pytest

from dev.environments import PROJECT, SetupError
from dev.toolshed import installed_models, installed_tests, package_files, pulsar_server
from dev.toolshed.installed_tests import Result

# --- files of a package


@pytest.fixture
def package(tmp_path):
    """{path in the package: path of the file} of two files, and a folder that holds the same."""
    source, folder = tmp_path / "source", tmp_path / "package"
    expected = {}
    for name in ("tool.xml", "scripts/library/module.py"):
        for place in (source, folder):
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).write_text(f"{name}\n")
        expected[name] = source / name
    return expected, folder


def test_the_same_files_do_not_differ(package):
    expected, folder = package
    (folder / ".hg").mkdir()
    (folder / ".hg" / "store").touch()
    assert package_files.differences(expected, folder) == []


def test_each_difference_is_a_line(package):
    expected, folder = package
    (folder / "scripts" / "library" / "module.py").unlink()
    (folder / "tool.xml").write_bytes(b"tool.xml\r\n")
    (folder / "scripts" / ".hidden").touch()
    assert package_files.differences(expected, folder) == [
        "another content: tool.xml",
        "missing: scripts/library/module.py",
        "not expected: scripts/.hidden",
    ]


def test_a_link_is_no_file(package):
    expected, folder = package
    (folder / "tool.xml").unlink()
    (folder / "tool.xml").symlink_to(expected["tool.xml"])
    (folder / "linked").symlink_to(folder / "scripts")
    assert package_files.differences(expected, folder) == ["a link: tool.xml", "not expected: linked"]


def test_what_the_packages_should_hold():
    suite = package_files.expected_files("dna_lm")
    manager = package_files.expected_files("data_manager_dna_lm_models")
    tools = {path.name for path in (PROJECT / "tools").glob("*.xml")}
    assert tools <= suite.keys()
    library = {name for name in suite if name.startswith("scripts/")}
    assert {"scripts/dna_lm/errors.py", "scripts/predict.py"} <= library
    assert {f"data_manager/{name}" for name in library} <= manager.keys()
    assert {"test-data/tiny-random/config.json", "tool_data_table_conf.xml.sample", "LICENSE"} <= suite.keys()
    assert {"data_manager_conf.xml", "data_manager/macros.xml", "test-data/tiny-random.zip"} <= manager.keys()
    assert not [name for name in suite.keys() | manager.keys() if "__pycache__" in name]


def test_differences_end_the_run_with_all_of_them(package):
    expected, folder = package
    package_files.refuse_differences("it", expected, folder)
    expected |= {"a": folder, "b": folder}
    with pytest.raises(SetupError, match="it is not what it should be:\nmissing: a\nmissing: b$"):
        package_files.refuse_differences("it", expected, folder)


# --- results


def entry(index, status, **data):
    return {"id": f"x-{index}", "data": {"status": status, "test_index": index, "time_seconds": 2.0, **data}}


def test_results_are_read_in_the_order_of_the_tests():
    content = {"tests": [entry(1, "failure", output_problems=["no such line"]), entry(0, "success"), entry(2, "skip")]}
    assert installed_tests.read_results(content, "predict") == [
        Result("predict", 1, "passed", 2.0, ""),
        Result("predict", 2, "failed", 2.0, "no such line"),
        Result("predict", 3, "failed", 2.0, "status skip"),
    ]


def test_a_test_without_a_result_is_a_failure():
    results = [Result("predict", 2, "passed", 2.0, "")]
    assert installed_tests.completed(results, "predict", [1, 2]) == [
        Result("predict", 1, "failed", 0.0, "no result"),
        results[0],
    ]


def test_tools_and_single_tests_are_chosen():
    counts = {"predict": 3, "scan": 1}
    assert installed_tests.chosen([], counts) == {"predict": [1, 2, 3], "scan": [1]}
    assert installed_tests.chosen(["scan"], counts) == {"scan": [1]}
    assert installed_tests.chosen(["predict:3", "predict:1", "predict:3"], counts) == {"predict": [1, 3]}


@pytest.mark.parametrize("word", ["predikt", "predict:4", "predict:0", "predict:x"])
def test_a_choice_that_is_nothing_is_told(word):
    with pytest.raises(ValueError, match=f"there is no test {word}; the tools are: predict"):
        installed_tests.chosen([word], {"predict": 3})


def test_each_result_is_a_line_and_reasons_are_told(monkeypatch, tmp_path, capsys):
    ran = []

    def run_tests(galaxy, tool, numbers, count, folder):
        ran.append((tool, numbers, count))
        return [Result(tool, 1, "passed", 3.0, ""), Result(tool, 3, "failed", 4.0, "what is wrong")]

    monkeypatch.setattr(installed_tests, "run_tests", run_tests)
    results = installed_tests.run_all(
        None, "Pulsar", {"scan": [1, 2, 3]}, {"scan": 3}, {("scan", 2): "no server model"}, tmp_path
    )
    assert ran == [("scan", [1, 3], 3)]
    assert capsys.readouterr().out.splitlines() == [
        "Pulsar  passed   scan 1  (3 s)",
        "Pulsar  skipped  scan 2: no server model",
        "Pulsar  failed   scan 3  (4 s)",
        "what is wrong",
    ]
    assert sorted(result.status for result in results) == ["failed", "passed", "skipped"]


def test_tests_that_cannot_run_on_pulsar_exist():
    for tool, number in installed_tests.NOT_ON_PULSAR:
        (xml,) = PROJECT.glob(f"**/{tool}.xml")
        assert number <= xml.read_text().count("<test ")


# --- Galaxy


def test_models_that_tests_installed_are_forgotten(tmp_path):
    galaxy, reference = tmp_path / "galaxy", tmp_path / "reference"
    table = galaxy / "tool-data" / "shed" / "huggingface.loc"
    table.parent.mkdir(parents=True)
    table.write_text("a/first\n")
    (reference / "huggingface" / "a" / "first").mkdir(parents=True)
    models = installed_models.installed_models(galaxy, reference)
    table.write_text("a/first\na/second\n")
    (reference / "huggingface" / "a" / "second" / "1").mkdir(parents=True)
    installed_models.forget_others(models, reference)
    assert table.read_text() == "a/first\n"
    assert [path.name for path in reference.glob("huggingface/*/*")] == ["first"]


# --- Pulsar


def test_a_system_without_namespaces_is_seen(monkeypatch):
    monkeypatch.setattr(pulsar_server, "UNSHARE", (["false"], ["/nowhere/unshare"]))
    assert pulsar_server.namespace() is None
