"""Run the own tests of installed tools with galaxy-tool-test, and read what came out."""

import json
import subprocess
from collections import namedtuple
from concurrent.futures import ThreadPoolExecutor

from dev.environments import environment, variables
from dev.galaxy.run_planemo_tests import problems

LONGEST = 3600  # seconds for the tests of one tool
AT_ONCE = 4  # tests; uploads of one go on while jobs of others run
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


def run_tests(galaxy, tool, numbers, count, folder):
    """Run tests of an installed tool, a few at a time, and return their Results.

    galaxy: an InstalledGalaxy; tool: its short id, by which Galaxy finds data managers too, which it does not by their
    full id without a version; numbers: of the tests that are to run; count: how many tests it has; folder: for the
    reports and logs.
    """
    command = [environment("galaxy") / "bin" / "galaxy-tool-test", "--galaxy-url", galaxy.server.address]
    command += ["--key", galaxy.key, "--admin-key", galaxy.key, "--tool-id", tool, "--no-history-reuse"]
    command += ["--with-reference-data"]  # tests that name a base model or a genome of the server are skipped else

    def run(name, *options):
        report = folder / f"{name}.json"
        report.unlink(missing_ok=True)
        with open(report.with_suffix(".log"), "w") as log:
            try:
                subprocess.run(
                    [str(part) for part in [*command, "--output-json", report, *options]],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    timeout=LONGEST,
                    cwd=galaxy.folder,
                    env=dict(variables(environment("galaxy")), TMPDIR=galaxy.local.variables["TMPDIR"]),
                )
            except subprocess.TimeoutExpired:
                log.write(f"\nended after {LONGEST} s\n")
        return read_results(json.loads(report.read_text()), tool) if report.exists() else []

    if len(numbers) == count:
        results = run(tool, "--parallel-tests", AT_ONCE)
    else:  # the program runs one test or all
        with ThreadPoolExecutor(AT_ONCE) as pool:
            each = pool.map(lambda number: run(f"{tool}-{number}", "--test-index", number - 1), numbers)
            results = [result for found in each for result in found]
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


def run_all(galaxy, place, wanted, counts, not_here, reports):
    """Run tests of installed tools, print a line for each, and return their Results.

    place: where the jobs run, in words; wanted: {tool: numbers of its tests}; counts: {tool: how many it has};
    not_here: {(tool, number): why it cannot run here}; reports: the folder for reports.
    """
    folder = reports / place.lower()
    folder.mkdir(exist_ok=True)
    results = []
    for tool, numbers in wanted.items():
        reasons = {number: not_here[tool, number] for number in numbers if (tool, number) in not_here}
        running = [number for number in numbers if number not in reasons]
        found = [Result(tool, number, "skipped", 0.0, reason) for number, reason in reasons.items()]
        found += run_tests(galaxy, tool, running, counts[tool], folder) if running else []
        for result in sorted(found, key=lambda result: result.number):
            told = f": {result.detail}" if result.status == "skipped" else f"  ({result.seconds:.0f} s)"
            print(f"{place:8}{result.status:9}{tool} {result.number}{told}", flush=True)
            if result.status == "failed":
                print(result.detail, flush=True)
        results += found
    return results
