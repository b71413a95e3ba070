"""`make test-install`: upload the suite to a Tool Shed, install it from there, run its tests on Galaxy and on Pulsar.

Everything is real and on this machine: a Tool Shed to which planemo uploads both repositories, which are compared file
by file with the project; a new Galaxy that installs them and gets its base model from the installed data manager; and
a Pulsar server that sees nothing of Galaxy. The tools' own tests run in it twice, with the jobs here and there.

    python dev/toolshed/test_install.py [TOOL or TOOL:NUMBER OF A TEST] ...
"""

import sys
import time

import yaml

from dev.environments import PROJECT, SetupError, local_folder
from dev.galaxy.local_galaxy import local_galaxy, run_command
from dev.toolshed.installed_galaxy import LOCAL, InstalledGalaxy
from dev.toolshed.installed_models import forget_others, installed_models
from dev.toolshed.installed_tests import NOT_ON_PULSAR, chosen, run_all
from dev.toolshed.lint_package import copy_sources
from dev.toolshed.package_files import DATA_MANAGER, SUITE, expected_files, refuse_differences
from dev.toolshed.pulsar_server import PulsarServer, project_folders
from dev.toolshed.tool_shed import ToolShed

XML_FILES = [*PROJECT.glob("tools/*.xml"), *PROJECT.glob("data_managers/*/data_manager/*.xml")]
# Repository -> its folder in the project
FOLDERS = {SUITE: ".", DATA_MANAGER: f"data_managers/{DATA_MANAGER}"}
INSTALLER = "dna_lm_install"


def main():
    started = time.time()
    reports = local_folder() / "reports" / "install"
    reports.mkdir(parents=True, exist_ok=True)

    def say(text):
        print(f"[{time.time() - started:4.0f} s] {text}", flush=True)

    with local_galaxy("test-install", XML_FILES) as local:
        shed = ToolShed(local.folder / "shed", local.folder / "tmp")
        source = local.folder / "source"
        copy_sources(source)  # as it is now, even if somebody edits it meanwhile
        owner = upload(shed, source, say)
        galaxy = InstalledGalaxy(local, shed.server.address)
        galaxy.start(LOCAL)
        for name in FOLDERS:
            refuse_differences(
                f"what Galaxy installed of {name}", expected_files(name, source), galaxy.install(owner, name)
            )
            say(f"installed {name}")
        tools = galaxy.tools()
        counts = {tool: count for tool, (_, count) in tools.items()}
        say(f"{len(tools)} tools with {sum(counts.values())} tests")
        galaxy.install_model(tools[INSTALLER][0])
        models = installed_models(galaxy.folder, galaxy.reference)
        try:
            wanted = chosen(sys.argv[1:], counts)
        except ValueError as problem:
            raise SetupError(str(problem)) from None
        results = run_all(galaxy, "Galaxy", wanted, counts, {}, reports)
        galaxy.stop()
        forget_others(models, galaxy.reference)  # the data manager's tests install theirs again
        shed.server.stop()

        hidden = [
            galaxy.folder,
            source,
            local.root,
            local.folder / "tmp",
            local.folder / "packages",
            *project_folders(),
        ]
        pulsar = PulsarServer(local.folder / "pulsar", hidden, XML_FILES, galaxy.genomes)
        say(
            "Pulsar runs where Galaxy's folder and the project's are empty"
            if pulsar.hidden
            else "Pulsar runs as a separate server without shared paths; this system has no mount namespaces, so it "
            "could see Galaxy's files, but is told none of them"
        )
        runner = {"load": "galaxy.jobs.runners.pulsar:PulsarRESTJobRunner"}
        galaxy.start({"runner": "pulsar", **pulsar.destination()}, pulsar=runner)
        results += run_all(galaxy, "Pulsar", wanted, counts, NOT_ON_PULSAR, reports)
        galaxy.stop()
    count = {status: sum(result.status == status for result in results) for status in ("passed", "failed", "skipped")}
    skipped = f", {count['skipped']} skipped" if count["skipped"] else ""
    say(f"reports: {reports}")
    print(f"{count['passed']} passed, {count['failed']} failed{skipped}")
    return 1 if count["failed"] or not count["passed"] else 0


def upload(shed, source, say):
    """Upload the repositories and compare what is there with what should be; return their owner.

    source: a copy of the project's files.
    Raises SetupError with the differences.
    """
    descriptions = {name: source / place / ".shed.yml" for name, place in FOLDERS.items()}
    shed.prepare(descriptions.values())
    for name, description in descriptions.items():
        owner = yaml.safe_load(description.read_text())["owner"]
        printed = shed.upload(description.parent)
        expected = expected_files(name, source)
        held = shed.clone(owner, name, source.parent / f"clone-{name}")
        refuse_differences(f"{name} in the Tool Shed", expected, held, printed)
        say(f"uploaded {name}: {len(expected)} files, as in the project")
    return owner


if __name__ == "__main__":
    run_command(main)
