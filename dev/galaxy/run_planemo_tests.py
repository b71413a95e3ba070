"""Run the planemo tests of tools, data managers and workflows, and say what failed.

    python dev/galaxy/run_planemo_tests.py tools/*.xml data_managers/*/data_manager/*.xml workflows/*/*.ga

One Galaxy serves several planemo commands, each with the tests of one tool or workflow: as many jobs run at a time as
there are cores, while inputs of other tests are uploaded and outputs of others are checked. A Galaxy takes a minute of
computing to start, so one for each core would be slower.
Reports are left in `.local/reports/planemo-NAME.html` and `.json`, the logs in `.local/logs/`. The reports' folder also
has how long each test took: the next run begins with what takes longest, so that all cores are used to the end.
"""

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
from dev.galaxy.local_galaxy import free_port, local_galaxy, run_command

TOOLS = PROJECT / "tools"
TABLES = "tool_data_table_conf.xml.test"  # of a folder of tools: where its data tables are
MOST_JOBS = 4  # of tools at a time: each takes up to 1 GB
USUAL, USUAL_WORKFLOW = 12, 80  # seconds for one test
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
    """planemo with the tests of one runnable."""

    def __init__(self, name, path, galaxy, client):
        """name: of the runnable, for the names of its files; galaxy: a LocalGalaxy; client: of its server."""
        self.name = name
        reports = local_folder() / "reports"
        reports.mkdir(exist_ok=True)
        page, self.results = reports / f"planemo-{name}.html", reports / f"planemo-{name}.json"
        self.results.unlink(missing_ok=True)
        self.log = galaxy.log.with_name(f"planemo-test-{name}.log")
        server = ["--engine", "external_galaxy", "--galaxy_url", client.base_url, "--galaxy_user_key", client.key]
        arguments = ["--test_output", page, "--test_output_json", self.results, "--test_timeout", LONGEST]
        self.process = galaxy.run_planemo(self.log, "test", *server, *arguments, path)

    def running(self):
        return self.process.poll() is None

    def tests(self):
        """Return the tests of planemo's report; without a report, print the end of planemo's log and return none."""
        if self.results.exists():
            return json.loads(self.results.read_text())["tests"]
        print("\n".join(self.log.read_text(errors="replace").splitlines()[-30:]))
        print(f"{self.name}: planemo ended without results; its log: {self.log}", flush=True)
        return []


def run_all(named, places, start, look):
    """Run the runnables in their order, so many at a time; return the Runs in the order of their ends.

    start: a function that starts the Run of a name and a path; look: one that is called every second.
    """
    waiting, running, ended = list(named.items()), [], []
    while waiting or running:
        ended += [run for run in running if not run.running()]
        running = [run for run in running if run not in ended]
        while waiting and len(running) < places:
            running.append(start(*waiting.pop(0)))
        look()
        time.sleep(1)
    return ended


class Progress:
    """Prints what a Galaxy has begun since the last call, and raises SetupError when it has ended."""

    def __init__(self, galaxy):
        self.galaxy = galaxy
        self.position = 0  # of Galaxy's log: what was read
        self.started = time.time()

    def __call__(self):
        with open(self.galaxy.log, errors="replace") as lines:
            lines.seek(self.position)
            for line in lines:
                if job := JOB_MADE.search(line):
                    print(f"[{time.time() - self.started:4.0f} s] {job[1]}", flush=True)
            self.position = lines.tell()
        if self.galaxy.process.poll() is not None:
            raise SetupError(f"Galaxy ended by itself; its log: {self.galaxy.log}")


def count(path):
    """Return how many tests a tool's XML, or the file of tests beside a workflow, has."""
    if path.suffix == ".xml":
        return len(ElementTree.parse(path).findall("tests/test"))
    return len(re.findall(r"^- ", path.with_name(f"{path.stem}-tests.yml").read_text(), re.MULTILINE))


def longest_first(named, measured):
    """Return the runnables with those first that take longest.

    named: as `runnables` returns them; measured: seconds by a test's id, as `seconds` returns them. A test that
    never ran is taken for a usual one.
    """
    weights = {}
    for name, path in named.items():
        stem, usual = (f"{name}-", USUAL) if path.suffix == ".xml" else (f"{name}.ga_", USUAL_WORKFLOW)
        weights[name] = sum(measured.get(f"{stem}{number}", usual) for number in range(count(path)))
    return {name: named[name] for name in sorted(named, key=lambda name: -weights[name])}


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
    # It needs libraries of planemo's environment, which those who read results here may lack.
    from dev.galaxy import galaxy_server

    named = runnables([Path(argument).resolve() for argument in sys.argv[1:]])
    if not named:
        raise SetupError("no tool and no workflow was named")
    tools = {TOOLS, *(path.parent for path in named.values() if path.suffix == ".xml")}
    xml_files = [path for folder in sorted(tools) for path in folder.glob("*.xml")]
    started = time.time()
    durations = local_folder() / "reports" / "planemo-seconds.json"  # of each test, when it last ran
    measured = json.loads(durations.read_text()) if durations.exists() else {}
    jobs = min(MOST_JOBS, os.cpu_count() or 1)
    with local_galaxy("planemo-test", xml_files, jobs) as galaxy:
        tested = longest_first(copied(named, galaxy.folder / "data_managers"), measured)
        tables = [part for path in data_tables(tested) for part in ("--tool_data_table", path)]
        served = [path for path in tested.values() if path.suffix == ".xml"]
        extra = [part for path in (TOOLS, galaxy_server.number_reader()) for part in ("--extra_tools", path)]
        client = galaxy_server.serve(galaxy, free_port(), *extra, *tables, *(served or [TOOLS]))
        places = jobs + (jobs + 1) // 2  # about a third of a test's time, its job waits or has ended
        runs = run_all(tested, places, lambda name, path: Run(name, path, galaxy, client), Progress(galaxy))
        tests = [test for run in runs for test in run.tests()]
    durations.parent.mkdir(exist_ok=True)
    durations.write_text(json.dumps(measured | seconds(tests), indent=1, sort_keys=True))
    passed, failed = report(tests, named)
    print(f"planemo: {passed} passed, {failed} failed in {time.time() - started:.0f} s; {durations.parent}")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    run_command(main)
