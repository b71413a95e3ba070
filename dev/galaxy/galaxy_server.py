"""Start the local Galaxy as a server with the project's tools, and talk to it: data and workflow in, files out."""

import json
import re
import time

import requests
import yaml
from bioblend.galaxy import GalaxyInstance
from bioblend.galaxy.dataset_collections import CollectionDescription, HistoryDatasetElement

from dev.environments import PROJECT, environment, say, site_packages
from dev.galaxy.servers import wait_until
from dev.galaxy.tool_panel import write_tool_panel

TOOLS = PROJECT / "tools"
WORKFLOWS = sorted((PROJECT / "workflows").glob("*/*.ga"))
TOURS = PROJECT / "docs" / "tutorial" / "tours"
WELCOME = PROJECT / "dev" / "galaxy" / "welcome.html"  # in the middle of Galaxy's first page
WORKFLOW = PROJECT / "workflows" / "dna-lm-classify" / "dna-lm-classify.ga"
# Galaxy's own tool that a workflow reads numbers with; planemo's Galaxy has only the tools that it is told of.
NUMBER_READER = "galaxy/tools/bundled/expression_tools/parse_values_from_file.xml"
ADMIN_KEY = "test_key"  # planemo's default; the server listens on this machine only, and asks nobody who they are
USER = "user@example.org"  # whom Galaxy, in its single-user mode, takes every browser for
ENDINGS = {"tool_markdown": "md"}  # of downloaded files, where it is not the name of Galaxy's datatype


class StepFailed(Exception):
    """A job or the workflow did not end well; the text has the job's error output."""


def start(galaxy, port):
    """Start a LocalGalaxy's server, with the tools in the panel and the tours; return its client once it answers."""
    galaxy.variables |= {
        "TOOL_PANEL": str(write_tool_panel(galaxy.folder / "panel.xml", TOOLS, [number_reader()])),
        "GALAXY_CONFIG_OVERRIDE_TOOLBOX_AUTO_SORT": "false",  # the page would sort a section by name
        "GALAXY_CONFIG_OVERRIDE_TOUR_CONFIG_DIR": str(TOURS),
        "GALAXY_CONFIG_OVERRIDE_STATIC_WELCOME_HTML": str(WELCOME),
    }
    return serve(galaxy, port, "--extra_tools", number_reader(), TOOLS)


def number_reader():
    """Return the path of Galaxy's own tool that a workflow reads numbers with."""
    return site_packages(environment("galaxy")) / NUMBER_READER


def serve(galaxy, port, *arguments):
    """Start a LocalGalaxy's server with `planemo serve ARGUMENTS`; return its client once it answers.

    The client is USER: what it makes is what a browser sees.
    Raises SetupError when Galaxy ends. It may take its time: on a busy machine the start takes many minutes.
    """
    process = galaxy.start("--port", port, "--galaxy_email", USER, "--disable_gxits", *arguments)
    say(f"starting Galaxy; log: {galaxy.log}")
    address = f"http://127.0.0.1:{port}"
    wait_until(lambda: answers(address), "Galaxy", process, galaxy.log, longest=None)
    users = GalaxyInstance(address, key=ADMIN_KEY).users
    return GalaxyInstance(address, key=users.create_user_apikey(users.create_remote_user(USER)["id"]))


def answers(address):
    try:
        return requests.get(f"{address}/api/version", timeout=5).ok
    except requests.RequestException:
        return False


def upload(client, history, paths):
    """Upload files into a history, wait for them, and return their dataset ids in the same order."""
    uploads = [client.tools.upload_file(str(path), history, file_type=datatype(path)) for path in paths]
    datasets = [uploaded["outputs"][0]["id"] for uploaded in uploads]
    for dataset in datasets:
        client.datasets.wait_for_dataset(dataset, interval=1)
    return datasets


def datatype(path):
    """Galaxy's name for what a file is, by the end of its name."""
    *_, kind = path.name.removesuffix(".gz").split(".")
    return {"fa": "fasta"}.get(kind, kind) + (".gz" if path.suffix == ".gz" else "")


def example_job(workflow):
    """Return what a workflow's own (first) test is given: {input's label: a file, a collection or a value}."""
    return yaml.safe_load(workflow.with_name(f"{workflow.stem}-tests.yml").read_text())[0]["job"]


def example_inputs(client, history, workflow=WORKFLOW):
    """Upload the files that a workflow's own (first) test is given; return {input's label: what it is given}.

    Numbers and names are left out, so that the workflow's defaults hold.
    """
    inputs = {}
    for label, given in example_job(workflow).items():
        if not isinstance(given, dict):
            continue
        files = given["elements"] if given["class"] == "Collection" else [given]
        datasets = upload(client, history, [workflow.parent / file["path"] for file in files])
        if given["class"] == "Collection":
            names = [file["identifier"] for file in files]
            inputs[label] = {
                "src": "hdca",
                "id": collection(client, history, label, dict(zip(names, datasets, strict=True))),
            }
        else:
            inputs[label] = {"src": "hda", "id": datasets[0]}
    return inputs


def collection(client, history, name, datasets):
    """Make a list collection of {element's name: dataset id}; return its id.

    The datasets are hidden then, as Galaxy's page does it.
    """
    elements = [HistoryDatasetElement(name=element, id=dataset) for element, dataset in datasets.items()]
    description = CollectionDescription(name=name, type="list", elements=elements)
    made = client.histories.create_dataset_collection(history, description, copy_elements=False)["id"]
    for dataset in datasets.values():
        client.histories.update_dataset(history, dataset, visible=False)
    return made


def example_history(client, workflow):
    """Make a history with the inputs of a workflow's own (first) test, called as the workflow is.

    The form of the workflow then opens with these inputs. The history's annotation tells what else has to be filled in.
    """
    described = json.loads(workflow.read_text())
    history = client.histories.create_history(described["name"])["id"]
    example_inputs(client, history, workflow)
    required = [
        step["label"]
        for step in described["steps"].values()
        if step["type"] == "parameter_input" and not json.loads(step["tool_state"])["optional"]
    ]
    job = example_job(workflow)
    filled = "; ".join(f"{label}: {job[label]}" for label in required)
    # The panel shows the beginning of it.
    client.histories.update_history(history, annotation=filled or "Example data for the workflow of this name.")


def import_workflow(client, workflow=WORKFLOW):
    """Import a workflow; return its id."""
    return client.workflows.import_workflow_from_local_path(str(workflow))["id"]


def run_workflow(client, workflow, history, inputs, progress):
    """Run the workflow on {input's label: what it is given}; return the finished invocation.

    progress: called every two seconds with {job id: (tool id, state)}.
    Raises StepFailed with the error output of the first job that failed.
    """
    invocation = client.workflows.invoke_workflow(workflow, inputs, history_id=history, inputs_by="name")["id"]
    while True:
        shown = client.invocations.show_invocation(invocation)
        jobs = {job["id"]: (job["tool_id"], job["state"]) for job in client.jobs.get_jobs(invocation_id=invocation)}
        progress(jobs)
        for job, (tool, state) in jobs.items():
            if state not in ("new", "waiting", "queued", "running", "ok", "skipped"):
                details = client.jobs.show_job(job, full_details=True)
                raise StepFailed(f"{tool}: {state}\n{details.get('stdout', '')}{details.get('stderr', '')}".rstrip())
        if shown["state"] in ("failed", "canceled", "cancelling"):
            raise StepFailed(f"the workflow: {shown['state']}; {json.dumps(shown.get('messages', []))}")
        scheduled = shown["state"] in ("scheduled", "completed")
        if scheduled and jobs and all(state in ("ok", "skipped") for _, state in jobs.values()):
            return shown
        time.sleep(2)


def download(client, invocation, folder):
    """Save every labeled output of an invocation in `folder`; return {label: path} and {dataset id: path}.

    A collection becomes a folder. Files are named by label and datatype.
    """
    by_label, by_dataset = {}, {}

    def save(dataset, stem):
        datatype = client.datasets.show_dataset(dataset)["extension"]
        path = stem.with_name(f"{stem.name}.{ENDINGS.get(datatype, datatype)}")
        # bioblend's own download gets a zip where Galaxy takes the datatype for a web page
        path.write_bytes(get(client, f"datasets/{dataset}/display", raw="true").content)
        by_dataset[dataset] = path
        return path

    for label, output in invocation["outputs"].items():
        by_label[label] = save(output["id"], folder / file_name(label))
    for label, output in invocation["output_collections"].items():
        by_label[label] = folder / file_name(label)
        by_label[label].mkdir()
        for element in client.dataset_collections.show_dataset_collection(output["id"])["elements"]:
            save(element["object"]["id"], by_label[label] / file_name(element["element_identifier"]))
    return by_label, by_dataset


def file_name(label):
    return re.sub(r"[^a-z0-9]+", "_", label.lower()).strip("_")


def get(client, path, **parameters):
    """Return Galaxy's answer at a path of its API."""
    answer = requests.get(f"{client.url}/{path}", headers={"x-api-key": client.key}, params=parameters, timeout=60)
    answer.raise_for_status()
    return answer


def report(client, dataset):
    """Return the text of a report, its directives naming the datasets that they show."""
    return get(client, f"datasets/{dataset}/report").json()["content"]
