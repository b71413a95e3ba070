"""The workflow run from its page to the end."""

from conftest import DATA
from dev.galaxy import galaxy_server


def test_workflow(galaxy, server):
    _, client = server
    workflow = galaxy_server.import_workflow(client)
    history = galaxy.new_history("workflow")
    peaks = galaxy.upload(DATA / "CTCF.fa", DATA / "p73.fa", DATA / "new.fa")[:2]
    names = dict(zip(("CTCF", "p73"), (peak.id for peak in peaks), strict=True))
    galaxy_server.collection(client, history, "factors", names)
    galaxy.open_workflow(workflow)
    galaxy.choose("FASTA files, one per class", "factors")
    galaxy.choose("Sequences to classify", "new.fa")
    galaxy.picture("workflow_form", whole=True)
    invocation = galaxy.run_workflow()
    galaxy.wait_for_invocation(invocation)
    galaxy.open(f"workflows/invocations/{invocation}")
    galaxy.picture("workflow_run", whole=True)
    by_id = {dataset.id: dataset for dataset, _ in galaxy.datasets()}
    outputs = galaxy.read(f"invocations/{invocation}")["outputs"]
    assert "predicted" in galaxy.open_dataset(by_id[outputs["Predictions"]["id"]])
    galaxy.open_report(by_id[outputs["Evaluation report"]["id"]])
    galaxy.picture("workflow_evaluation", whole=True)
    assert len(galaxy.images()) >= 4
    assert all(width > 100 and height > 100 for width, height in galaxy.images())
