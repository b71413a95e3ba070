"""What the Tool Shed repositories should hold, and how what was uploaded differs from it.

The rules stand here a second time, as a person would say them, so that a wrong `.shed.yml` is found out: planemo drops
links to folders, and files that no pattern names, without a word.
"""

from dev.environments import PROJECT, SetupError

SUITE = "dna_lm"
DATA_MANAGER = "data_manager_dna_lm_models"
# Repository -> (folder in it, folder of the project, pattern of files in that)
HELD = {
    SUITE: [
        ("", "tools", "*.xml*"),
        ("tool-data", "tools/tool-data", "*.sample"),
        ("scripts", "scripts", "**/*"),
        ("test-data", "test-data", "**/*"),
        ("", "", "LICENSE"),
    ],
    DATA_MANAGER: [
        ("", f"data_managers/{DATA_MANAGER}", "*.xml*"),
        ("tool-data", f"data_managers/{DATA_MANAGER}/tool-data", "*"),
        ("data_manager", f"data_managers/{DATA_MANAGER}/data_manager", "*.xml"),
        ("data_manager/scripts", "scripts", "**/*"),
        ("test-data", "test-data", "tiny-random.zip"),
        ("test-data", "test-data", "tiny-random-pickled.zip"),
        ("", "", "LICENSE"),
    ],
}


def expected_files(repository, project=PROJECT):
    """Return {path in the repository: path of the file whose content it has}."""
    found = {}
    for into, source, pattern in HELD[repository]:
        for path in (project / source).glob(pattern):
            if path.is_file() and "__pycache__" not in path.parts:
                name = path.relative_to(project / source).as_posix()
                found[f"{into}/{name}" if into else name] = path
    return found


def differences(expected, folder, ignored=(".hg",)):
    """Return a line for each difference between files as they should be and a folder; none if it is as it should be.

    expected: {path in the folder: path of the file whose content it should have};
    ignored: folders at the top that are not compared.
    """
    found = {}
    for path in folder.rglob("*"):
        relative = path.relative_to(folder)
        if relative.parts[0] not in ignored and (path.is_symlink() or path.is_file()):
            found[relative.as_posix()] = path
    lines = [f"missing: {name}" for name in expected.keys() - found.keys()]
    lines += [f"not expected: {name}" for name in found.keys() - expected.keys()]
    for name in expected.keys() & found.keys():
        if found[name].is_symlink():
            lines.append(f"a link: {name}")
        elif found[name].read_bytes() != expected[name].read_bytes():
            lines.append(f"another content: {name}")
    return sorted(lines)


def refuse_differences(what, expected, folder, printed=""):
    """Raise SetupError with each difference between files as they should be and a folder.

    what: the folder in words; expected: as of `differences`; printed: what is said of it besides.
    """
    lines = differences(expected, folder)
    if lines:
        raise SetupError(f"{what} is not what it should be:\n" + "\n".join([*lines, printed]).rstrip())
