"""Walk through the tutorial in Galaxy's page as it is written, take its pictures, compare its figures with the page.

    python3 dev/environments.py run browser python dev/tutorial/pictures.py

What is done is read from the hands-on boxes of docs/tutorial/tutorial.md: the files are uploaded, the forms filled, the
tools run, the outputs renamed and opened. Pictures go to docs/tutorial/images. The figures that the text quotes are
read from the open pages (steps.py says how they are marked); what differs is printed, and the exit code is 1.

--write puts the page's figures into the text. What is said about them has to be read again then.
--galaxy takes a Galaxy that runs already, one core for each job, instead of starting one.
"""

import argparse
import contextlib
import os
import sys
from collections import Counter
from pathlib import Path

from dev.environments import PROJECT, local_folder, say
from dev.galaxy import galaxy_server
from dev.galaxy.browser import CHOICES, Dataset, GalaxyPage, PageError, open_browser
from dev.galaxy.local_galaxy import free_port, local_galaxy, run_command
from dev.tutorial import steps as tutorial_steps
from dev.tutorial.steps import TUTORIAL, VIEWS, Step, boxes, figures, steps

TEST_DATA = PROJECT / "test-data"
IMAGES = TUTORIAL.parent / "images"
WORKFLOW_BOX = "All steps at once"
UPLOAD_BOX = "Data upload"
LARGEST = 400_000  # bytes of a picture
FORM_HEIGHT = 1530  # pixels: to the seed and the number of runs, between two fields
# The pictures of each job: {tool, its number in the tutorial: {picture: an output that is an image, or one of these}}.
FORM, TOP, MIDDLE = "form", "the first window of the report", "what is in the middle of the page"
PICTURES = {
    ("prepare", 2): {"prepare_report": TOP, "prepare_figure": "plot"},
    ("finetune", 1): {"finetune_form": FORM, "finetune_curves": "plot"},
    ("evaluate", 1): {"evaluate_report": TOP, "evaluate_ladder": "ladder_plot"},
    ("calibrate", 1): {"calibrate_figure": "plot"},
    ("compare", 1): {"compare_figure": "plot"},
    ("predict", 2): {"predict_random": MIDDLE},
}
# What was filled last has the focus and may have been scrolled to.
TO_TOP = """document.activeElement.blur();
    document.querySelectorAll('#center, #center *').forEach(element => { element.scrollTop = 0 })"""
TABLES = """[...document.querySelectorAll('#center table')].map(table =>
    [...table.rows].map(row => [...row.cells].map(cell => cell.innerText.trim())))"""


class Walk:
    """What was seen on the way through the tutorial: `seen` has the text and the tables of each view."""

    def __init__(self, galaxy: GalaxyPage) -> None:
        self.galaxy = galaxy
        self.jobs: Counter = Counter()
        self.seen: dict[str, tuple[str, list]] = {}

    def upload(self, lines: list[str]) -> None:
        names = [name for name in _quoted(lines) if (TEST_DATA / name).is_file()]
        self.galaxy.upload(*(TEST_DATA / name for name in names))

    def take(self, step: Step) -> None:
        """Fill the form of a step, run it, and do with its outputs what the step says."""
        galaxy = self.galaxy
        self.jobs[step.tool] += 1
        job = (step.tool, self.jobs[step.tool])
        say(f"{step.name} ({job[1]})")
        galaxy.open_tool(f"dna_lm_{step.tool}")
        for field in step.fields:
            if field.section:
                galaxy.expand(field.section)
            if field.data:
                galaxy.choose(field.label, *(galaxy.dataset(name).name for name in field.values))
            elif galaxy.field(field.label).locator(CHOICES).count():
                galaxy.choose(field.label, *field.values)
            else:
                galaxy.fill(field.label, field.values[0])
        for picture, what in PICTURES.get(job, {}).items():
            if what == FORM:
                galaxy.page.evaluate(TO_TOP)
                galaxy.picture(picture, "#center", height=FORM_HEIGHT)
        outputs = galaxy.run()
        galaxy.wait()
        for start, name in step.renamed.items():
            rename(galaxy, _starts(outputs, start), name)
        for start in step.opened:
            self.look(_starts(outputs, start), job, outputs)

    def look(self, dataset: Dataset, job: tuple[str, int], outputs: dict[str, Dataset]) -> None:
        """Open an output, keep its text and tables, and take the pictures of its page."""
        galaxy = self.galaxy
        text = galaxy.open_report(dataset) if dataset == outputs.get("report") else galaxy.open_dataset(dataset)
        (view,) = [name for name, of in VIEWS.items() if of == job]
        self.seen[view] = (text, galaxy.page.evaluate(TABLES))
        for picture, what in PICTURES.get(job, {}).items():
            if what in (TOP, MIDDLE):
                galaxy.picture(picture, "#center")
            elif what != FORM:
                image = outputs[what].id
                if not galaxy.page.locator(f'#center img[src*="{image}"]').count():
                    raise PageError(f"{dataset.name} does not show its {what}")
                shown = galaxy.page.request.get(f"{galaxy.address}/api/datasets/{image}/display")
                (IMAGES / f"{picture}.png").write_bytes(shown.body())  # the page shows it smaller

    def workflow(self, lines: list[str]) -> None:
        """Run the workflow from its page on a collection of the tutorial's files, and look at its evaluation."""
        galaxy = self.galaxy
        name, *files = _quoted(lines)[:3]
        elements = [
            {"src": "hda", "id": galaxy.dataset(file).id, "name": Path(file).stem} for file in files
        ]  # what the page's dialog asks of the server
        made = galaxy.page.request.post(
            f"{galaxy.address}/api/histories/{galaxy.history()}/contents/dataset_collections",
            data={"collection_type": "list", "name": name, "element_identifiers": elements, "copy_elements": False},
        )
        if not made.ok:
            raise PageError(f"the collection was refused: {made.text()[:300]}")
        galaxy.open("workflows/import")
        galaxy.page.locator("#center").get_by_text("Upload file", exact=True).click()
        galaxy.page.set_input_files("#center input[type=file]", str(galaxy_server.WORKFLOW))
        galaxy.page.click("#center .go-next-btn")  # it says Import
        for _ in range(60):
            if found := galaxy.read("workflows"):
                break
            galaxy.page.wait_for_timeout(1000)
        else:
            raise PageError("the workflow was not imported")
        workflow = found[0]["id"]
        galaxy.open_workflow(workflow)
        galaxy.choose("FASTA files, one per class", name)
        galaxy.choose("Sequences to classify", "new.fa")
        before = len(galaxy.datasets())
        galaxy.run_workflow()
        for _ in range(300):  # the invocation makes its datasets step by step; those of the last come last
            names = [dataset.name for dataset, _ in galaxy.datasets()[before:]]
            if any(name.startswith("Predictions") for name in names):
                break
            galaxy.page.wait_for_timeout(1000)
        galaxy.wait()
        reports = [item for item, _ in galaxy.datasets()[before:] if item.name == "Evaluation report"]
        self.seen["workflow"] = (galaxy.open_report(reports[-1]), galaxy.page.evaluate(TABLES))


def rename(galaxy: GalaxyPage, dataset: Dataset, name: str) -> None:
    """Give a dataset another name, on the page of its attributes."""
    galaxy.open(f"datasets/{dataset.id}/edit")
    galaxy.page.fill('[aria-labelledby="dataset-attributes-heading"] input#name', name)
    galaxy.page.click("#dataset-attributes-default-save")
    galaxy.settle()
    if galaxy.dataset(name).id != dataset.id:
        raise PageError(f"{dataset.name} is not called {name} now")


def _quoted(lines: list[str]) -> list[str]:
    return [text for line in lines for text in line.split("`")[1::2]]


def _starts(outputs: dict[str, Dataset], start: str) -> Dataset:
    """Return the output whose name begins so."""
    (found,) = [dataset for dataset in outputs.values() if dataset.name.startswith(f"{start} ")]
    return found


def walk(galaxy: GalaxyPage, text: str) -> dict[str, tuple[str, list]]:
    """Do what the hands-on boxes say; return {view: its text and tables}."""
    on_the_way = Walk(galaxy)
    galaxy.new_history("Is this sequence bound by this transcription factor?")
    for title, lines in boxes(text):
        if title == UPLOAD_BOX:
            on_the_way.upload(lines)
        elif title == WORKFLOW_BOX:
            on_the_way.workflow(lines)
        elif not title.startswith(tutorial_steps.OPTIONAL):
            for step in steps(lines):
                on_the_way.take(step)
    return on_the_way.seen


def compare(text: str, seen: dict[str, tuple[str, list]], write: bool) -> list[str]:
    """Return what differs between the figures of the text and the pages, a line each; put the pages' in, if wanted."""
    problems = []
    lines = text.splitlines(keepends=True)
    for figure in figures(text):
        found = tutorial_steps.actual(figure, *seen[figure.view]) if figure.view in seen else None
        if found == figure.quoted:
            continue
        problems.append(f"line {figure.line}: {figure.quoted} ({figure.view}{figure.place}); on the page: {found}")
        if write and found:
            mark = f"<!--{figure.view}{figure.place}-->"
            lines[figure.line - 1] = lines[figure.line - 1].replace(figure.quoted + mark, found + mark)
    if write:
        TUTORIAL.write_text("".join(lines))
    return problems


@contextlib.contextmanager
def running_galaxy(address: str | None):
    """Yield the address of a Galaxy: the one given, or one that is started and ended."""
    if address:
        yield address
        return
    os.environ["GALAXY_SLOTS"] = "1"  # one core for each job, as the tutorial says
    with local_galaxy("tutorial", galaxy_server.TOOLS.glob("*.xml")) as galaxy:
        yield galaxy_server.start(galaxy, free_port()).base_url


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--galaxy", help="address of a Galaxy that runs, such as http://127.0.0.1:8080")
    parser.add_argument("--write", action="store_true", help="put the figures of the page into the text")
    options = parser.parse_args()
    text = TUTORIAL.read_text()
    with running_galaxy(options.galaxy) as address, open_browser() as browser:
        galaxy = GalaxyPage(browser, address, IMAGES)
        try:
            problems = compare(text, walk(galaxy, text), options.write)
        except Exception:
            galaxy.pictures = local_folder() / "reports"
            say(f"what the page showed last: {galaxy.picture('tutorial_failed')}")
            raise
    for path in sorted(IMAGES.glob("*.png")):
        if path.stat().st_size > LARGEST:
            problems.append(f"{path.name}: {path.stat().st_size:,} bytes, of {LARGEST:,} at most")
    print("\n".join(problems) or "The tutorial's figures are those on the page.")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(run_command(main))
