"""What starts Galaxy and ends it: resolver folder, ports, clean-up, reading of planemo's results, reports."""

import contextlib
import importlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
import types
import urllib.request
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml

from dev.environments import PROJECT, SetupError, import_path, lock_lines
from dev.galaxy import janitor, local_galaxy, run_planemo_tests, servers, tool_dependencies
from dev.galaxy.plain_report import plain_report
from dev.galaxy.tool_panel import write_tool_panel

LOCK = ["torch==2.13.0", "numpy==2.3.5", "matplotlib==3.10.8", "huggingface_hub==2.4.0"]
MACROS = """<macros>
    <token name="@NUMPY@">2.3.5</token>
    <requirement type="package" version="2.12.0">pytorch</requirement>
    <requirement type="package" version="@NUMPY@">numpy</requirement>
</macros>"""


@pytest.fixture
def macros(tmp_path):
    path = tmp_path / "macros.xml"
    path.write_text(MACROS)
    return path


# --- dependencies


def test_requirements_have_their_tokens_put_in(macros):
    assert tool_dependencies.requirements([macros]) == {"pytorch": "2.12.0", "numpy": "2.3.5"}


def test_two_versions_of_one_package_are_refused(macros, tmp_path):
    tool = tmp_path / "tool.xml"
    tool.write_text('<tool id="x"><requirement type="package" version="2.0.0">numpy</requirement></tool>')
    with pytest.raises(SetupError, match="two versions of numpy: 2.3.5 and 2.0.0"):
        tool_dependencies.requirements([macros, tool])


def test_the_stated_exception_and_other_names_pass():
    required = {"pytorch": "2.12.0", "matplotlib-base": "3.10.8", "huggingface_hub": "2.4.0"}
    tool_dependencies.check(required, LOCK)


@pytest.mark.parametrize(
    ("name", "version", "said"),
    [
        ("numpy", "2.3.4", "numpy 2.3.4 is required, 2.3.5 is locked"),
        ("pytorch", "2.11.0", "pytorch 2.11.0 is required, 2.13.0 is locked"),
        ("samtools", "1.21", "samtools 1.21 is required, nothing is locked"),
    ],
)
def test_other_differences_are_refused(name, version, said):
    with pytest.raises(SetupError, match=said):
        tool_dependencies.check({name: version}, LOCK)


def test_the_tools_ask_for_what_is_locked():
    required = tool_dependencies.requirements(PROJECT.glob("tools/*.xml"))
    assert {"pytorch", "transformers", "peft"} <= required.keys()
    tool_dependencies.check(required, lock_lines("tools"))


def test_resolver_folder_puts_the_environment_first(macros, tmp_path, monkeypatch):
    monkeypatch.setattr(tool_dependencies, "lock_lines", lambda name: LOCK)
    environment = tmp_path / "it's here"
    resolvers = tool_dependencies.write_resolvers(tmp_path, [macros], environment)
    assert f'base_path="{tmp_path}/packages"' in resolvers.read_text()
    script = tmp_path / "packages" / "numpy" / "2.3.5" / "env.sh"
    path = subprocess.check_output(["bash", "-c", f". '{script}'; echo $PATH"], text=True)
    assert path.startswith(f"{environment}/bin:")


# --- jobs


@pytest.mark.parametrize(("jobs", "cores", "slots"), [(1, 2, "2"), (2, 2, "1"), (2, 8, "4"), (1, 64, "4"), (4, 2, "1")])
def test_jobs_at_a_time_share_the_cores(tmp_path, monkeypatch, jobs, cores, slots):
    (tmp_path / "lib" / "python3.11" / "site-packages").mkdir(parents=True)
    monkeypatch.setattr(local_galaxy, "environment", lambda name: tmp_path)
    monkeypatch.setattr(local_galaxy, "local_folder", lambda: tmp_path)
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    folder = tmp_path / "run"
    folder.mkdir()
    galaxy = local_galaxy.LocalGalaxy("test", folder, [], jobs)
    assert galaxy.variables["GALAXY_SLOTS"] == slots
    runners = yaml.safe_load(galaxy.job_conf.read_text())["runners"]
    assert {name: runner["workers"] for name, runner in runners.items()} == {"tools": jobs, "uploads": 1}


# --- ports


def test_a_taken_port_is_told_in_words():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(SetupError, match=rf"port {port} cannot be used \(.*in use\): choose another, `make serve"):
            local_galaxy.check_port(port)
    local_galaxy.check_port(port)


def test_an_impossible_port_is_told_in_words():
    with pytest.raises(SetupError, match="port 99999 cannot be used"):
        local_galaxy.check_port(99999)


def test_a_free_port_is_free():
    local_galaxy.check_port(local_galaxy.free_port())


# --- the tool panel


def test_the_panel_has_the_tools_in_the_order_of_the_work_and_all_of_them(tmp_path):
    tools = PROJECT / "tools"
    panel = ElementTree.parse(write_tool_panel(tmp_path / "panel.xml", tools, [tmp_path / "R&D.xml"]))
    files = [Path(tool.get("file")) for tool in panel.iter("tool")]
    ours = [file for file in files if file.parent == tools]
    assert set(ours) == set(tools.glob("dna_lm_*.xml")) and all(file.is_file() for file in ours)
    names = [file.stem.removeprefix("dna_lm_") for file in ours]
    assert names == ["prepare", "finetune", "evaluate", "compare", "calibrate", "predict", "scan", "adapter"]
    assert files[-1] == tmp_path / "R&D.xml"


def test_the_welcome_page_leads_out_of_its_frame_to_a_tour_that_there_is():
    page = (PROJECT / "dev" / "galaxy" / "welcome.html").read_text()
    links = re.findall(r'<a href="([^"]+)"( target="_top")?', page)
    assert len(links) == 3 and all(top for _, top in links)
    assert (PROJECT / "docs" / "tutorial" / f"{links[0][0].lstrip('/')}.yaml").is_file()


# --- a server that is used

# It lets every request wait, as a Galaxy that computes may, until it ends by itself.
SLOW = """
import http.server, os, threading, time
class Slow(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        time.sleep(600)
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Slow)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_port, flush=True)
time.sleep(3)
os._exit(7)
"""


def test_a_galaxy_that_answers_late_is_left_alone_and_its_end_is_told(monkeypatch, tmp_path):
    galaxy = object.__new__(local_galaxy.LocalGalaxy)
    galaxy.log = tmp_path / "serve.log"
    ended = []

    def start(galaxy, port):
        galaxy.process = subprocess.Popen([sys.executable, "-c", SLOW], stdout=subprocess.PIPE, text=True)
        address = f"http://127.0.0.1:{galaxy.process.stdout.readline().strip()}"
        return types.SimpleNamespace(base_url=address, key="key")

    def answers(address):
        with pytest.raises(TimeoutError), urllib.request.urlopen(address, timeout=0.1):
            pass
        return False

    @contextlib.contextmanager
    def block(name, xml_files):
        try:
            yield galaxy
        finally:
            ended.append(galaxy.process.poll())  # what the janitor would find

    # It needs libraries of planemo's environment.
    stub = types.SimpleNamespace(TOOLS=tmp_path, WORKFLOWS=[], start=start, answers=answers)
    monkeypatch.setitem(sys.modules, "dev.galaxy.galaxy_server", stub)
    serve = importlib.import_module("dev.galaxy.serve")
    monkeypatch.setattr(serve, "galaxy_server", stub)
    monkeypatch.setattr(serve, "local_galaxy", block)
    monkeypatch.setattr(serve, "check_port", lambda port: None)
    with pytest.raises(SetupError, match=r"Galaxy ended by itself \(exit code 7\); its log: .*serve\.log"):
        serve.main()
    assert ended == [7]


class Clock:
    """The time of a server that starts slowly: an hour goes by at each look at it."""

    now = 0

    def time(self):
        self.now += 3600
        return self.now

    def sleep(self, seconds):
        pass


@pytest.mark.parametrize(("longest", "ends"), [({}, True), ({"longest": None}, False)])
def test_a_server_that_lives_is_waited_for_without_end_if_wanted(monkeypatch, tmp_path, longest, ends):
    monkeypatch.setattr(servers, "time", Clock())
    log = tmp_path / "log"
    log.write_text("starting\n")
    lives = types.SimpleNamespace(poll=lambda: None)
    late = iter([False] * 10 + [True])
    with pytest.raises(SetupError, match="did not start") if ends else contextlib.nullcontext():
        servers.wait_until(lambda: next(late), "Galaxy", lives, log, **longest)
    dead = types.SimpleNamespace(poll=lambda: 1)
    with pytest.raises(SetupError, match=r"(?s)did not start.*starting"):
        servers.wait_until(lambda: False, "Galaxy", dead, log, **longest)


# --- clean-up

# A child in a session of its own that starts a grandchild which ignores SIGTERM and has hardly any environment:
# as unruly as a Galaxy job can be.
UNRULY = """
import os, subprocess, sys, time
subprocess.Popen([sys.executable, "-c", "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
                  "print('grandchild', flush=True); time.sleep(600)"],
                 env={"TMPDIR": os.environ["TMPDIR"] + "/job"}, start_new_session=True)
time.sleep(600)
"""
COMMAND = f"""
import os, signal, subprocess, sys
from dev.galaxy.janitor import janitor
signal.signal(signal.SIGINT, signal.default_int_handler)
with janitor(sys.argv[1]):
    environment = dict(os.environ, TMPDIR=sys.argv[1] + "/tmp")
    subprocess.run([sys.executable, "-c", {UNRULY!r}], env=environment, start_new_session=True)
"""


@pytest.fixture
def command(tmp_path):
    """A running command with an unruly process tree, and its folder."""
    folder = tmp_path / "run"
    folder.mkdir()
    path = os.environ | {"PYTHONPATH": import_path()}
    process = subprocess.Popen([sys.executable, "-c", COMMAND, folder], stdout=subprocess.PIPE, text=True, env=path)
    assert process.stdout.readline() == "grandchild\n"
    assert len(janitor.inhabitants(folder)) == 2
    yield process, folder
    process.kill()
    janitor.stop_inhabitants(folder, patience=0)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_outlives_a_command(command, number):
    process, folder = command
    process.send_signal(number)
    process.wait(timeout=30)
    deadline = time.monotonic() + 30
    while folder.exists():
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert janitor.inhabitants(folder) == []


def sleeper(folder):
    program = [sys.executable, "-c", "import time; time.sleep(600)"]
    return subprocess.Popen(program, env={"TMPDIR": str(folder)}, start_new_session=True)


def test_nothing_outlives_a_block_that_fails(tmp_path):
    with pytest.raises(RuntimeError), janitor.janitor(tmp_path / "run"):
        process = sleeper(tmp_path / "run" / "tmp")
        raise RuntimeError
    assert process.wait(timeout=5) == -signal.SIGTERM


def test_other_processes_are_left_alone(tmp_path):
    other = sleeper(tmp_path / "run2")
    try:
        with janitor.janitor(tmp_path / "run"):
            pass
        assert other.poll() is None
    finally:
        other.kill()


# --- planemo's results


def result(name, status, **data):
    return {"id": name, "data": {"status": status, "time_seconds": 1.0, **data}}


def test_results_are_counted_and_failures_shown(capsys):
    tests = [
        result("predict-0", "success"),
        result("predict-1", "failure", output_problems=["line not found"], job={"stderr": "error: too short"}),
        result("prepare-0", "error", execution_problem="not enough memory"),
    ]
    assert run_planemo_tests.report(tests, ["predict", "prepare"]) == (1, 2)
    shown = capsys.readouterr().out
    assert "failure predict-1" in shown and "line not found" in shown and "error: too short" in shown
    assert "not enough memory" in shown


def test_a_tool_without_tests_is_a_failure(capsys):
    assert run_planemo_tests.report([result("predict-0", "success")], ["predict", "prepare"]) == (1, 1)
    assert "prepare: no test ran" in capsys.readouterr().out


def test_macro_files_are_not_tested(macros, tmp_path):
    tool, workflow = tmp_path / "tool.xml", tmp_path / "classify.ga"
    tool.write_text('<tool id="predict"/>')
    assert run_planemo_tests.runnables([macros, tool, workflow]) == {"predict": tool, "classify": workflow}


def test_what_takes_longest_is_tested_first(tmp_path):
    named = {}
    for name, tests in {"predict": 3, "scan": 2, "prepare": 9}.items():
        named[name] = tmp_path / f"{name}.xml"
        named[name].write_text(f"<tool id='{name}'><tests>{'<test/>' * tests}</tests></tool>")
    named["classify"] = tmp_path / "classify.ga"
    (tmp_path / "classify-tests.yml").write_text("- doc: one\n  job:\n    - a\n")
    ordered = run_planemo_tests.longest_first(named, {})
    assert ordered == named and list(ordered) == ["prepare", "classify", "predict", "scan"]
    measured = {"scan-0": 90, "scan-1": 70, "classify.ga_0": 20}
    assert list(run_planemo_tests.longest_first(named, measured)) == ["scan", "prepare", "predict", "classify"]


class Lasting:
    """A run that takes so many looks."""

    def __init__(self, name, looks):
        self.name, self.looks = name, looks

    def running(self):
        self.looks -= 1
        return self.looks > 0


def test_some_are_tested_at_a_time_and_each_that_ends_makes_room(monkeypatch):
    monkeypatch.setattr(run_planemo_tests.time, "sleep", lambda seconds: None)
    events = []

    def start(name, looks):
        events.append(name)
        return Lasting(name, looks)

    named = {"prepare": 5, "finetune": 2, "predict": 1, "scan": 1}
    ended = run_planemo_tests.run_all(named, 2, start, lambda: events.append("look"))
    assert events[:6] == ["prepare", "finetune", "look", "look", "predict", "look"]
    assert [run.name for run in ended] == ["finetune", "predict", "scan", "prepare"]
    assert events.count("look") == 6


def test_jobs_are_told_as_they_begin_and_the_end_of_galaxy_ends_the_tests(tmp_path, capsys):
    galaxy = types.SimpleNamespace(log=tmp_path / "galaxy.log", process=types.SimpleNamespace(poll=lambda: None))
    galaxy.log.write_text("")
    progress = run_planemo_tests.Progress(galaxy)
    for name in ("predict", "scan"):
        with open(galaxy.log, "a") as log:
            log.write(f"Setup for job Job[unflushed,tool_id=dna_lm_{name}] complete, ready\nanything\n")
        progress()
        assert re.fullmatch(rf"\[ *\d+ s\] dna_lm_{name}\n", capsys.readouterr().out)
    galaxy.process.poll = lambda: 1
    with pytest.raises(SetupError, match=r"Galaxy ended by itself; its log: .*galaxy\.log"):
        progress()


def test_planemo_without_results_is_shown_and_has_no_test(tmp_path, capsys):
    run = object.__new__(run_planemo_tests.Run)
    run.name, run.log, run.results = "dna_lm_scan", tmp_path / "planemo.log", tmp_path / "planemo.json"
    run.log.write_text("a traceback\n")
    assert run.tests() == []
    assert capsys.readouterr().out == f"a traceback\ndna_lm_scan: planemo ended without results; its log: {run.log}\n"
    run.results.write_text('{"tests": [{"id": "dna_lm_scan-0"}]}')
    assert run.tests() == [{"id": "dna_lm_scan-0"}]


def test_how_long_a_test_took_is_read_from_the_report():
    times = {"start_datetime": "2026-11-28T04:17:20", "end_datetime": "2026-11-28T04:19:20.04"}
    tests = [
        {"id": "predict-0", "data": {"status": "success", "time_seconds": 12.34}},
        {"id": "classify.ga_0", "data": {"status": "success", "time_seconds": None} | times},
        {"id": "predict-1", "data": {"status": "error", "start_datetime": None, "end_datetime": None}},
    ]
    assert run_planemo_tests.seconds(tests) == {"predict-0": 12.3, "classify.ga_0": 120.0}


def test_data_managers_are_tested_in_a_copy_whose_table_comes_first(tmp_path):
    package = PROJECT / "data_managers" / "data_manager_dna_lm_models"
    manager, tool = package / "data_manager" / "dna_lm_install.xml", PROJECT / "tools" / "dna_lm_predict.xml"
    named = run_planemo_tests.copied({"dna_lm_install": manager, "dna_lm_predict": tool}, tmp_path)
    copy = tmp_path / package.name
    assert named == {"dna_lm_install": copy / "data_manager" / manager.name, "dna_lm_predict": tool}
    assert not any(path.is_symlink() for path in copy.rglob("*"))
    assert (copy / "data_manager_conf.xml").is_file() and (copy / "data_manager" / "scripts" / "install.py").is_file()
    tables = "tool_data_table_conf.xml.test"
    assert run_planemo_tests.data_tables(named) == [copy / tables, PROJECT / "tools" / tables]
    assert run_planemo_tests.data_tables({"classify": tmp_path / "classify.ga"}) == [PROJECT / "tools" / tables]


# --- reports


def test_a_report_becomes_plain_markdown(tmp_path):
    text = (
        "# Report\n\n"
        "```galaxy\nhistory_dataset_as_image(history_dataset_id=f2)\n```\n\n"
        '```galaxy\nhistory_dataset_link(history_dataset_id=f1, label="All scores")\n```\n\n'
        "```galaxy\nhistory_dataset_info(history_dataset_id=f1)\n```\n"
        "The end.\n"
    )
    files = {"f1": tmp_path / "scores.tabular", "f2": tmp_path / "plot.png"}
    assert plain_report(text, files) == ("# Report\n\n![](plot.png)\n\n[scores.tabular](scores.tabular)\n\nThe end.\n")
