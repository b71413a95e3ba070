"""Run the planemo tests of tools, data managers and workflows, in a Galaxy for each core, and say what failed.

    python dev/galaxy/run_planemo_tests.py tools/*.xml data_managers/*/data_manager/*.xml workflows/*/*.ga

Reports are left in `.local/reports/planemo-1.html` and `.json`, `planemo-2` and so on, Galaxy's logs in `.local/logs/`.
How long each test took is kept there too: the next run shares the tests out by it, so that all Galaxies end together.
"""

import contextlib
import json
import os
import re
import shutil
import sys
import time
import xml.etree.ElementTree as ElementTree
from datetime import datetime
from pathlib import Path

from dev.environments import PROJECT, SetupError, local_folder
from dev.galaxy.local_galaxy import local_galaxy, run_command

TOOLS = PROJECT / "tools"
TABLES = "tool_data_table_conf.xml.test"  # of a folder of tools: where its data tables are
MOST_GALAXIES = 4  # each takes 2 GB with its jobs, and as long to start as five tests take
USUAL, USUAL_WORKFLOW = 16, 80  # seconds for one test, on two cores with a Galaxy each
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


class Run:
    """planemo with some of the runnables, in a Galaxy of its own."""

    def __init__(self, number, named, galaxy):
        """number: from 1, for the names of reports; named: the runnables; galaxy: a LocalGalaxy."""
        self.galaxy = galaxy
        self.position = 0  # of Galaxy's log: what was read
        self.started = time.time()
        reports = local_folder() / "reports"
        reports.mkdir(exist_ok=True)
        self.page, self.results = reports / f"planemo-{number}.html", reports / f"planemo-{number}.json"
        self.results.unlink(missing_ok=True)
        arguments = ["--test_output", self.page, "--test_output_json", self.results]
        arguments += ["--test_timeout", LONGEST, "--galaxy_startup_timeout", 900, "--extra_tools", TOOLS]
        tested = copied(named, galaxy.folder / "data_managers")
        arguments += [part for path in data_tables(tested) for part in ("--tool_data_table", path)]
        # Workflows first: planemo runs them first in any case, and pairs tests with results by their order.
        paths = sorted(tested.values(), key=lambda path: path.suffix == ".xml")
        self.process = galaxy.start("test", *arguments, *paths)
        print(f"testing {', '.join(named)}; log: {galaxy.log}", flush=True)

    def follow(self):
        """Print a line for each job that Galaxy began since the last call; return whether planemo still runs."""
        running = self.process.poll() is None
        if self.galaxy.galaxy_log.exists():
            with open(self.galaxy.galaxy_log, errors="replace") as lines:
                lines.seek(self.position)
                for line in lines:
                    if job := JOB_MADE.search(line):
                        print(f"[{time.time() - self.started:4.0f} s] {job[1]}", flush=True)
                self.position = lines.tell()
        return running

    def tests(self):
        """Return the tests of planemo's report."""
        if not self.results.exists():
            print("\n".join(self.galaxy.log.read_text(errors="replace").splitlines()[-30:]))
            raise SetupError(f"planemo ended without results; its log: {self.galaxy.log}")
        return json.loads(self.results.read_text())["tests"]


def count(path):
    """Return how many tests a tool's XML, or the file of tests beside a workflow, has."""
    if path.suffix == ".xml":
        return len(ElementTree.parse(path).findall("tests/test"))
    return len(re.findall(r"^- ", path.with_name(f"{path.stem}-tests.yml").read_text(), re.MULTILINE))


def shared_out(named, groups, measured):
    """Return the runnables in so many groups that take about equally long, empty groups left out.

    named: as `runnables` returns them; measured: seconds by a test's id, as `seconds` returns them. A test that
    never ran is taken for a usual one.
    """
    weights = {}
    for name, path in named.items():
        stem, usual = (f"{name}-", USUAL) if path.suffix == ".xml" else (f"{name}.ga_", USUAL_WORKFLOW)
        weights[name] = sum(measured.get(f"{stem}{number}", usual) for number in range(count(path)))
    shares = [{} for _ in range(groups)]
    for name in sorted(named, key=lambda name: -weights[name]):
        least = min(shares, key=lambda share: sum(weights[one] for one in share))
        least[name] = named[name]
    return [share for share in shares if share]


def seconds(tests):
    """Return {id: seconds} of the tests of planemo's report that ended; a workflow's test has its times only."""
    found = {}
    for test in tests:
        data = test["data"]
        if times := [data[end] for end in ("start_datetime", "end_datetime") if data.get(end)]:
            found[test["id"]] = (datetime.fromisoformat(times[-1]) - datetime.fromisoformat(times[0])).total_seconds()
        if data.get("time_seconds"):
            found[test["id"]] = data["time_seconds"]
    return {name: round(taken, 1) for name, taken in found.items() if taken}


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
    taken = seconds(tests)
    for test in tests:
        status = test["data"]["status"]
        print(f"{status:8}{test['id']}  ({taken.get(test['id'], 0):.0f} s)")
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
    xml_files = [path for folder in sorted(tools) for path in folder.glob("*.xml")]
    started = time.time()
    durations = local_folder() / "reports" / "planemo-seconds.json"  # of each test, when it last ran
    measured = json.loads(durations.read_text()) if durations.exists() else {}
    shares = shared_out(named, min(MOST_GALAXIES, os.cpu_count() or 1), measured)
    # Each has its part of the cores: more processes than cores are slower than one after the other.
    os.environ.setdefault("GALAXY_SLOTS", str(max(1, (os.cpu_count() or 1) // len(shares))))
    with contextlib.ExitStack() as stack:
        runs = [
            Run(number, share, stack.enter_context(local_galaxy(f"planemo-test-{number}", xml_files)))
            for number, share in enumerate(shares, start=1)
        ]
        while any([run.follow() for run in runs]):  # a list: all are followed
            time.sleep(2)
        tests = [test for run in runs for test in run.tests()]
    durations.write_text(json.dumps(measured | seconds(tests), indent=1, sort_keys=True))
    passed, failed = report(tests, named)
    print(f"planemo: {passed} passed, {failed} failed in {time.time() - started:.0f} s; {runs[0].page.parent}")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    run_command(main)
