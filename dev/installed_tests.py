"""Run the own tests of installed tools with galaxy-tool-test, and read what came out."""

import json
import subprocess
from collections import namedtuple

from environments import environment, variables
from run_planemo_tests import problems

LONGEST = 3600  # seconds for the tests of one tool
# number: counted from 1, as in the comments of the tools' XML; status: passed, failed or skipped;
# detail: what is wrong, or why it was skipped
Result = namedtuple("Result", "tool number status seconds detail")

# What cannot be on Pulsar, and why: {(tool, number of the test)} or a tool.
NOT_ON_PULSAR = {}


def read_results(content, tool):
    """Return the Results of one tool's tests, in their order, from galaxy-tool-test's report.

    content: the report, parsed; tool: the short id of the tool.
    A test that Galaxy itself skipped is a failure: nothing here is meant to be.
    """
    results = []
    for test in content.get("tests", []):
        data = test["data"]
        passed = data["status"] == "success"
        detail = "" if passed else problems(test) or f"status {data['status']}"
        number = int(data["test_index"]) + 1
        results.append(Result(tool, number, "passed" if passed else "failed", data.get("time_seconds") or 0.0, detail))
    return sorted(results, key=lambda result: result.number)


def completed(results, tool, numbers):
    """Return the results and a failure for each test among `numbers` that has none: what is forgotten does not pass."""
    known = {result.number for result in results}
    absent = [Result(tool, number, "failed", 0.0, "no result") for number in numbers if number not in known]
    return sorted([*results, *absent], key=lambda result: result.number)


def run_tests(galaxy, tool, full_id, numbers, count, folder):
    """Run tests of an installed tool and return their Results.

    galaxy: an InstalledGalaxy; tool, full_id: its short and its full id; numbers: of the tests that are to run;
    count: how many tests it has; folder: for the report and the log.
    """
    report = folder / f"{tool}.json"
    report.unlink(missing_ok=True)
    command = [environment("galaxy") / "bin" / "galaxy-tool-test", "--galaxy-url", galaxy.server.address]
    command += ["--key", galaxy.key, "--admin-key", galaxy.key, "--tool-id", full_id, "--output-json", report]
    command += ["--no-history-reuse", "--parallel-tests", "4"]
    # either all of them in one go, or one after the other
    choices = [[]] if len(numbers) == count else [["--append", "--test-index", str(number - 1)] for number in numbers]
    with open(report.with_suffix(".log"), "w") as log:
        for choice in choices:
            try:
                subprocess.run(
                    [str(part) for part in [*command, *choice]],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    timeout=LONGEST,
                    cwd=galaxy.folder,
                    env=dict(variables(environment("galaxy")), TMPDIR=galaxy.local.variables["TMPDIR"]),
                )
            except subprocess.TimeoutExpired:
                log.write(f"\nended after {LONGEST} s\n")
    results = read_results(json.loads(report.read_text()), tool) if report.exists() else []
    return completed(results, tool, numbers)


def chosen(choice, counts):
    """Return {tool: numbers of the tests to run} for words such as `dna_lm_predict` or `dna_lm_predict:3`.

    choice: the words; without any, all tests of all tools; counts: {tool: how many tests it has}.
    Raises ValueError that names a word which no tool or test has.
    """
    wanted = {}
    for word in choice or counts:
        tool, _, number = word.partition(":")
        every = range(1, counts.get(tool, 0) + 1)
        numbers = [found for found in every if not number or str(found) == number]
        if not numbers:
            raise ValueError(f"there is no test {word}; the tools are: {', '.join(sorted(counts))}")
        wanted[tool] = sorted({*wanted.get(tool, []), *numbers})
    return wanted


def run_all(galaxy, place, wanted, tools, not_here, reports):
    """Run tests of installed tools, print a line for each, and return their Results.

    place: where the jobs run, in words; wanted: {tool: numbers of its tests}; tools: {tool: (full id, count)};
    not_here: {(tool, number): why it cannot run here}; reports: the folder for reports.
    """
    folder = reports / place.lower()
    folder.mkdir(exist_ok=True)
    results = []
    for tool, numbers in wanted.items():
        full_id, count = tools[tool]
        reasons = {number: not_here[tool, number] for number in numbers if (tool, number) in not_here}
        running = [number for number in numbers if number not in reasons]
        found = [Result(tool, number, "skipped", 0.0, reason) for number, reason in reasons.items()]
        found += run_tests(galaxy, tool, full_id, running, count, folder) if running else []
        for result in sorted(found, key=lambda result: result.number):
            told = f": {result.detail}" if result.status == "skipped" else f"  ({result.seconds:.0f} s)"
            print(f"{place:8}{result.status:9}{tool} {result.number}{told}", flush=True)
            if result.status == "failed":
                print(result.detail, flush=True)
        results += found
    return results
