"""Run the planemo tests of tools, data managers and workflows, all in one start of Galaxy, and say what failed.

    python dev/run_planemo_tests.py tools/*.xml data_managers/*/data_manager/*.xml workflows/*/*.ga

Reports are left in `.local/reports/planemo.html` and `.json`, Galaxy's log in `.local/logs/`.
"""

import json
import re
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from environments import PROJECT, SetupError, local_folder
from local_galaxy import local_galaxy, run_command

TOOLS = PROJECT / "tools"
TABLES = "tool_data_table_conf.xml.test"  # of a folder of tools: where its data tables are
LONGEST = 900  # seconds for one test: what the Galaxy community's reviewers allow
# What Galaxy's log says when a job is made: the only sign of progress while planemo runs.
JOB_MADE = re.compile(r"Setup for job Job\[unflushed,tool_id=([^\]]+)\] complete")


def runnables(paths):
    """Return {name that the ids of its tests begin with: path} for tools and workflows; macro files are left out."""
    found = {}
    for path in paths:
        if path.suffix == ".xml":
            root = ElementTree.parse(path).getroot()
            if root.tag == "tool":
                found[root.get("id")] = path
        else:
            found[path.stem] = path
    return found


def copied(named, folder):
    """Copy the data managers among the runnables into `folder`; return the runnables with the copies' paths.

    A data manager's test adds a row to the file of its data table, which is beside it.
    """
    found = dict(named)
    for name, path in named.items():
        if path.suffix == ".xml" and ElementTree.parse(path).getroot().get("tool_type") == "manage_data":
            package = path.parent.parent  # data_manager_conf.xml and the tables are above the tool
            copy = folder / package.name
            shutil.copytree(package, copy, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
            found[name] = copy / path.parent.name / path.name
    return found


def data_tables(named):
    """Return the configurations of data tables that the tests need, those of data managers first.

    Galaxy adds a data manager's row to the first file of a table, which must not be the repository's.
    """
    folders = [path.parent.parent for path in named.values() if path.suffix == ".xml"]
    return [folder / TABLES for folder in dict.fromkeys((*folders, TOOLS)) if (folder / TABLES).is_file()]


def follow(process, log, started):
    """Wait for planemo to end; print a line for each job that Galaxy begins meanwhile."""
    position = 0
    while True:
        ended = process.poll() is not None
        if log.exists():
            with open(log, errors="replace") as lines:
                lines.seek(position)
                for line in lines:
                    if job := JOB_MADE.search(line):
                        print(f"[{time.time() - started:4.0f} s] {job[1]}", flush=True)
                position = lines.tell() if not ended else position
        if ended:
            return process.returncode
        try:
            process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            continue


def problems(test):
    """The text that says what is wrong with one test of planemo's report."""
    data = test["data"]
    job = data.get("job") or {}
    parts = [data.get("execution_problem"), *(data.get("output_problems") or [])]
    parts += [f"{stream} of the job:\n{job[stream]}" for stream in ("stdout", "stderr") if job.get(stream)]
    return "\n".join(str(part).strip() for part in parts if part)


def report(tests, names):
    """Print each test and what is wrong with it; return how many passed and how many failed.

    A tool or workflow without any test counts as a failure: it would otherwise pass by being forgotten.
    """
    passed = failed = 0
    for test in tests:
        status, seconds = test["data"]["status"], test["data"].get("time_seconds") or 0
        print(f"{status:8}{test['id']}  ({seconds:.0f} s)")
        if status == "success":
            passed += 1
        else:
            failed += 1
            print(problems(test))
    for name in names:
        if not any(test["id"].startswith(name) for test in tests):
            failed += 1
            print(f"error   {name}: no test ran")
    return passed, failed


def main():
    named = runnables([Path(argument).resolve() for argument in sys.argv[1:]])
    if not named:
        raise SetupError("no tool and no workflow was named")
    tools = {TOOLS, *(path.parent for path in named.values() if path.suffix == ".xml")}
    started = time.time()
    reports = local_folder() / "reports"
    reports.mkdir(exist_ok=True)
    results = reports / "planemo.json"
    results.unlink(missing_ok=True)
    with local_galaxy("planemo-test", [path for folder in sorted(tools) for path in folder.glob("*.xml")]) as galaxy:
        arguments = ["--test_output", reports / "planemo.html", "--test_output_json", results]
        arguments += ["--test_timeout", LONGEST, "--galaxy_startup_timeout", 300, "--extra_tools", TOOLS]
        tested = copied(named, galaxy.folder / "data_managers")
        arguments += [part for path in data_tables(tested) for part in ("--tool_data_table", path)]
        # Workflows first: planemo runs them first in any case, and pairs tests with results by their order.
        paths = sorted(tested.values(), key=lambda path: path.suffix == ".xml")
        process = galaxy.start("test", *arguments, *paths)
        print(f"testing {', '.join(named)}; log: {galaxy.log}", flush=True)
        follow(process, galaxy.galaxy_log, started)
        if not results.exists():
            print("\n".join(galaxy.log.read_text(errors="replace").splitlines()[-30:]))
            raise SetupError(f"planemo ended without results; its log: {galaxy.log}")
    passed, failed = report(json.loads(results.read_text())["tests"], named)
    print(f"planemo: {passed} passed, {failed} failed in {time.time() - started:.0f} s; {reports / 'planemo.html'}")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    run_command(main)
