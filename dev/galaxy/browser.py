"""Drive Galaxy's page in Chromium as a person does: upload, fill a form, run it, open what came of it, take pictures.

    with open_browser() as browser:
        galaxy = GalaxyPage(browser, "http://127.0.0.1:8080", Path("pictures"))
        galaxy.new_history("trial")
        galaxy.upload("test-data/train.csv", "test-data/dev.csv")
        galaxy.open_tool("dna_lm_finetune")
        galaxy.choose("Training and development sets from", "Separate datasets")
        galaxy.choose("Training set", "train.csv")
        galaxy.choose("Development set", "dev.csv")
        galaxy.choose("Training settings", "Custom")
        galaxy.expand("Optimization")
        galaxy.fill("Epochs", 1)
        galaxy.picture("form")
        outputs = galaxy.run()                # {output's name in the tool's XML: Dataset}
        galaxy.wait()                         # until every dataset of the history is ok; PageError if one is not
        galaxy.open_report(outputs["report"])
        galaxy.picture("report", whole=True)

Fields are named by their label, or by their name in Galaxy (`base|source`), which is needed where two have one label.
Needs Playwright's Python and a Chromium or Chrome on the PATH; no other module of the project but `environments`.

Galaxy's own page object, galaxy.selenium, is no substitute: it finds a field by its id, not by the label that a person
reads, which is what these tests are about, and would need Selenium too. What is here is Playwright's locators already.
"""

import contextlib
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Error, Locator, Page, Response, sync_playwright

from dev.environments import SetupError, say

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# They let Chromium run as root and in a container, keep it from calling home, and from any address but this machine's.
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-sync",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)
SIZE = {"width": 1400, "height": 1000}
TALLEST = 6000  # pixels of a picture
PATIENCE = 120  # seconds for the page to react: on a busy machine it can take a minute
SETTLE = 1.0  # seconds: what Galaxy still draws after the last answer of the server has no event to wait for
# How many pixels of the middle of the page have to be scrolled to.
HIDDEN = """Math.max(0, ...[...document.querySelectorAll('#center, #center *')].map(element =>
    /auto|scroll/.test(getComputedStyle(element).overflowY) ? element.scrollHeight - element.clientHeight : 0))"""
SWITCH = ".custom-switch:not(.checkbox)"  # of a boolean; Galaxy's own, such as that for linked data, are .checkbox too
CHOICES = f".multiselect, .custom-checkbox, {SWITCH}"  # what has options, for `choose`
ENDED = ("ok", "error", "empty", "discarded", "failed_metadata", "paused", "deferred")


class PageError(Exception):
    """The page is not as expected, or a job did not end well; the text says what was seen."""


@dataclass(frozen=True)
class Dataset:
    """A dataset, or a collection of them, in the current history: its number there, its id and its name."""

    hid: int
    id: str
    name: str
    collection: bool = False


def find_chromium() -> str:
    """Return the path of Chromium or Chrome, installed first where that can be done: as root, with apt-get.

    Raises SetupError with what to install, when there is none.
    """
    if path := on_path():
        return path
    apt = shutil.which("apt-get")
    if apt and os.geteuid() == 0:
        say("installing chromium (apt-get install chromium)")
        for arguments in (["update"], ["install", "--yes", "--no-install-recommends", "chromium"]):
            subprocess.call([apt, "-qq", *arguments], env=dict(os.environ, DEBIAN_FRONTEND="noninteractive"))
        if path := on_path():
            return path
    raise SetupError(
        "no Chromium or Chrome is on the PATH: install one (Debian: `apt install chromium`; Ubuntu: Google's package "
        "google-chrome-stable)"
    )


def on_path() -> str | None:
    return next(filter(None, map(shutil.which, NAMES)), None)


@contextlib.contextmanager
def open_browser(temporary: Path | None = None) -> Iterator[Browser]:
    """Yield a headless browser, closed afterwards.

    temporary: a folder for what it writes, such as one in a janitor's care (janitor.py), which ends it in any case.
    """
    environment = dict(os.environ)
    if temporary:
        environment["TMPDIR"] = str(temporary)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_chromium(), args=FLAGS, env=environment, timeout=PATIENCE * 1000
        )
        try:
            yield browser
        finally:
            browser.close()


class GalaxyPage:
    """One tab with Galaxy in it. `page` is Playwright's own, for what is not here; `dialogs` what scripts have said.

    address: Galaxy's, such as http://127.0.0.1:8080, which takes every browser for its one user.
    pictures: folder of the pictures, made when the first is taken.
    """

    def __init__(self, browser: Browser, address: str, pictures: Path) -> None:
        self.address = address.rstrip("/")
        self.pictures = pictures
        self.dialogs: list[str] = []
        self.page: Page = browser.new_page(viewport=SIZE)
        self.page.set_default_timeout(PATIENCE * 1000)
        self.page.on("dialog", self._dismiss)
        self.open()

    def _dismiss(self, dialog) -> None:
        self.dialogs.append(dialog.message)
        dialog.dismiss()

    # The page and its pictures

    def open(self, path: str = "") -> None:
        """Open a page of Galaxy by its path, and wait until its frame is there."""
        self.page.goto(f"{self.address}/{path}")
        self.page.wait_for_selector("#activity-upload")
        self.settle()

    def settle(self) -> None:
        """Wait until the page has what it asked the server for, and has drawn it."""
        with contextlib.suppress(Exception):  # Galaxy asks for news of the history now and then: quiet may never come
            self.page.wait_for_load_state("networkidle", timeout=5000)
        self.page.wait_for_timeout(SETTLE * 1000)

    def picture(
        self, name: str, part: Locator | str | None = None, whole: bool = False, height: int | None = None
    ) -> Path:
        """Save a picture as NAME.png; return its path.

        part: what is to be seen on it, a selector or locator, instead of the window.
        whole: make the window as tall as what it shows, so that nothing has to be scrolled to.
        height: of the window, in pixels, instead.
        """
        self.pictures.mkdir(parents=True, exist_ok=True)
        path = self.pictures / f"{name}.png"
        if whole:
            height = min(TALLEST, SIZE["height"] + self.page.evaluate(HIDDEN))
        if height:
            self.page.set_viewport_size({**SIZE, "height": height})
            self.settle()
        if part is None:
            self.page.screenshot(path=path)
        else:
            (self.page.locator(part) if isinstance(part, str) else part).first.screenshot(path=path)
        if height:
            self.page.set_viewport_size(SIZE)
        return path

    def text(self) -> str:
        """Return the text of the middle of the page."""
        return self.page.locator("#center").inner_text()

    def read(self, path: str):
        """Return Galaxy's answer at a path of its API, as the page itself would ask for it."""
        end = time.monotonic() + PATIENCE
        while True:
            try:
                answer = self.page.request.get(f"{self.address}/api/{path}", timeout=PATIENCE * 1000)
                break
            except Error:  # a connection that the server has closed meanwhile
                if time.monotonic() > end:
                    raise
                self.page.wait_for_timeout(1000)
        if not answer.ok:
            raise PageError(f"{path}: {answer.status} {answer.text()[:300]}")
        return answer.json()

    # Histories and their data

    def new_history(self, name: str) -> str:
        """Make a history and switch to it; return its id."""
        answer = self.page.request.post(f"{self.address}/api/histories", data={"name": name})
        self.switch_history(answer.json()["id"])
        return answer.json()["id"]

    def switch_history(self, history: str) -> None:
        """Make a history, given by its id, the current one."""
        self.open(f"history/switch_to_history?hist_id={history}")
        self.open()

    def history(self) -> str:
        """Return the id of the current history."""
        return self.read("histories/most_recently_used")["id"]

    def datasets(self) -> list[tuple[Dataset, str]]:
        """Return the visible datasets and collections of the current history with their states, the oldest first."""
        contents = self.read(f"histories/{self.history()}/contents?v=dev&view=detailed&q=visible&qv=True&limit=500")
        found = []
        for item in contents:
            if item.get("deleted"):
                continue
            collection = item["history_content_type"] == "dataset_collection"
            state = item.get("populated_state") if collection else item["state"]
            found.append((Dataset(item["hid"], item["id"], item["name"], collection), state))
        return sorted(found, key=lambda pair: pair[0].hid)

    def dataset(self, name: str) -> Dataset:
        """Return the newest dataset of the current history whose name is, or begins with, this.

        Raises PageError, with the names that there are, if there is none.
        """
        found = [dataset for dataset, _ in self.datasets()]
        for fits in (lambda item: item.name == name, lambda item: item.name.startswith(f"{name} ")):
            if chosen := [dataset for dataset in found if fits(dataset)]:
                return chosen[-1]
        raise PageError(f"no dataset is called {name}: {', '.join(dataset.name for dataset in found)}")

    def upload(self, *paths: str | Path, datatype: str | None = None) -> list[Dataset]:
        """Upload files through the upload dialog, wait until they are there, and return them in the same order.

        datatype: Galaxy's name of it for all of them; found by Galaxy itself if not given.
        """
        before = {dataset.id for dataset, _ in self.datasets()}
        self.page.click("#activity-upload")
        dialog = self.page.locator("#regular")
        dialog.locator("#btn-start").wait_for()
        if dialog.locator(".upload-row").count():  # of the last upload
            dialog.locator("#btn-reset").click()
        self.page.set_input_files("#upload-file", [str(path) for path in paths])
        rows = dialog.locator(".upload-row")
        rows.nth(len(paths) - 1).wait_for()
        if datatype:
            for row in rows.all():
                self._pick(row.locator(".upload-extension"), datatype)
        dialog.locator("#btn-start").click()
        done = f"document.querySelectorAll('#regular .upload-row.upload-success').length == {len(paths)}"
        self.page.wait_for_function(f"{done} || document.querySelector('#regular .upload-row.upload-error')")
        if dialog.locator(".upload-row.upload-error").count():
            raise PageError(f"the upload failed: {dialog.inner_text()}")
        dialog.locator("#btn-close").click()
        self.wait()
        new = {dataset.name: dataset for dataset, _ in self.datasets() if dataset.id not in before}
        return [new[Path(path).name] for path in paths]

    def wait(self, *only: Dataset, seconds: float = 900, allow: tuple[str, ...] = ("ok",)) -> dict[Dataset, str]:
        """Wait until nothing is still to come, and the page shows it; return {dataset: state}.

        only: these datasets; all of the current history if none is given.
        allow: states that are no failure.
        Raises PageError with the job's error output when one ends otherwise, or when it takes longer than `seconds`.
        """
        end = time.monotonic() + seconds
        chosen = {dataset.id for dataset in only}
        while True:
            found = {dataset: state for dataset, state in self.datasets() if not only or dataset.id in chosen}
            for dataset, state in found.items():
                if state in ENDED and state not in allow:
                    raise PageError(f"{dataset.name}: {state}\n{self.job_error(dataset)}")
            if found and all(state in ENDED for state in found.values()):
                break
            if time.monotonic() > end:
                raise PageError(f"after {seconds:.0f} s: {[(dataset.name, state) for dataset, state in found.items()]}")
            self.page.wait_for_timeout(2000)
        newest = list(found)[-1]
        shown = f'#current-history-panel [data-hid="{newest.hid}"][data-state="{found[newest]}"]'
        self.page.locator(shown).first.wait_for()
        return found

    def job_error(self, dataset: Dataset) -> str:
        """Return the error output of the job that made a dataset, by the API."""
        if dataset.collection:
            return ""
        job = self.read(f"datasets/{dataset.id}").get("creating_job")
        details = self.read(f"jobs/{job}?full=true") if job else {}
        return f"{details.get('tool_stdout') or ''}{details.get('tool_stderr') or ''}".strip()

    # Forms

    def open_tool(self, tool: str) -> None:
        """Open the form of a tool by its id."""
        self.open(f"?tool_id={tool}&version=latest")
        self.page.wait_for_selector(".ui-form-element")
        self.settle()

    def field(self, name: str) -> Locator:
        """Return a field of the form by its label, or by its name in Galaxy.

        Raises PageError, with the labels that are there, if it is none, or more than one.
        """
        by_name = self.page.locator(f'.ui-form-element[id="form-element-{name}"]')
        title = self.page.locator(".ui-form-title-text", has_text=whole(name))
        by_label = self.page.locator(".ui-form-element:visible").filter(has=title)
        # What a choice between groups of fields is called stands above the group.
        by_heading = self.headed(name).locator("> .portlet-content > .ui-form-element:visible").first
        for fields in (by_name, by_label, by_heading):
            if fields.count() == 1:
                return fields
        there = [text.strip() for text in self.page.locator(".ui-form-title-text:visible").all_inner_texts()]
        raise PageError(f"{by_label.count()} fields are called {name!r}; in the form: {', '.join(there)}")

    def headed(self, title: str) -> Locator:
        """Return the group of fields (a section, or a choice between groups) under this heading."""
        heading = self.page.locator("> .portlet-header", has=self.page.get_by_text(title, exact=True))
        return self.page.locator(".ui-portlet-section:visible").filter(has=heading)

    def choose(self, name: str, *options: str) -> None:
        """Choose options of a select, or datasets of the history by their names, in the field of this label or name.

        Where several can be chosen, they take the place of those that were. A boolean, a switch with a word beside it,
        has the options Yes and No.
        """
        field = self.field(name)
        boxes = field.locator(".custom-checkbox")
        switches = field.locator(SWITCH)
        if field.locator(".multiselect").count():  # beside that of datasets in a workflow's form are hidden switches
            for tag in range(field.locator(".multiselect__tag-icon").count()):
                del tag
                field.locator(".multiselect__tag-icon").first.click()
            for option in options:
                self._pick(field.locator(".multiselect").first, option)
        elif switches.count():
            (option,) = options
            if switches.inner_text().strip() != option:
                switches.locator("label").click()
            switches.get_by_text(option, exact=True).wait_for()
        else:
            for option in options:
                boxes.filter(has_text=option).locator("label").first.click()
        self.settle()

    def _pick(self, box: Locator, option: str) -> None:
        """Open a list and take the entry of this text."""
        if box.locator(".multiselect__single", has_text=whole_option(option)).count():
            return  # it is chosen already
        box.click()
        entries = box.locator(".multiselect__element .multiselect__option:visible")
        entries.first.wait_for()
        found = entries.filter(has_text=whole_option(option))
        if not found.count():
            there = [text.strip() for text in entries.all_inner_texts()]
            raise PageError(f"there is no {option!r} among: {', '.join(there)}")
        found.first.click()
        self.page.evaluate("document.activeElement.blur()")  # closes a list of several; Escape would end a tour

    def fill(self, name: str, value: str | int | float) -> None:
        """Write a text or number into the field of this label or name."""
        box = self.field(name).locator("textarea, input:not([type=range]):not([type=checkbox])").first
        box.fill(str(value))
        box.press("Tab")
        self.settle()

    def expand(self, title: str) -> None:
        """Open a section of the form by its title; leave it open if it is so already."""
        section = self.headed(title)
        if not section.locator("> .portlet-content").is_visible():
            section.locator("> .portlet-header").click()
            section.locator("> .portlet-content").wait_for()
            self.settle()

    def run(self) -> dict[str, Dataset]:
        """Press the form's button; return {name of an output in the tool's XML: its dataset}, collections too.

        Raises PageError with the form's own words if Galaxy does not take it.
        """
        with self.page.expect_response(submitted) as answer:
            self.page.locator("button#execute").first.click()
        if not answer.value.ok:
            raise PageError(f"the form was refused: {answer.value.text()[:1000]}")
        made = answer.value.json()
        self.page.wait_for_selector(".donemessagelarge, .alert-success, [data-description='tool form success']")
        self.settle()
        outputs = {item["output_name"]: Dataset(item["hid"], item["id"], item["name"]) for item in made["outputs"]}
        for item in made.get("output_collections", []):
            outputs[item["output_name"]] = Dataset(item["hid"], item["id"], item["name"], collection=True)
        return outputs

    # What came of it

    def item(self, dataset: Dataset) -> Locator:
        """Return a dataset's entry in the history panel."""
        return self.page.locator(f'#current-history-panel .content-item[data-hid="{dataset.hid}"]')

    def expand_dataset(self, dataset: Dataset) -> str:
        """Open a dataset's entry in the history panel; return the text there, with the first lines of its content."""
        item = self.item(dataset)
        if not item.locator(".details").is_visible():
            item.locator(".content-title").first.click()
            item.locator(".details").wait_for()
        self.settle()
        return item.inner_text()

    def open_dataset(self, dataset: Dataset) -> str:
        """Show a dataset (a table, an image) in the middle of the page; return the text there."""
        self.open(f"datasets/{dataset.id}/preview")
        return self.text()

    def open_report(self, dataset: Dataset) -> str:
        """Open a report (datatype tool_markdown); return its text once its figures and tables are there."""
        self.open(f"datasets/{dataset.id}/report")
        self.wait_for_report()
        return self.text()

    def wait_for_report(self) -> None:
        """Wait until the report that is open has all its parts: no placeholder, no image that is still on its way."""
        self.page.wait_for_selector("#center .markdown-component")
        loaded = "[...document.querySelectorAll('#center img')].every(image => image.complete)"
        self.page.wait_for_function(
            f"!document.querySelector('#center .loading-icon, #center .fa-spinner') && {loaded}"
        )
        self.settle()

    def images(self) -> list[tuple[int, int]]:
        """Return the natural sizes of the images in the middle of the page, in pixels; a broken one is (0, 0)."""
        return [
            tuple(size)
            for size in self.page.evaluate(
                "[...document.querySelectorAll('#center img')].map(image => [image.naturalWidth, image.naturalHeight])"
            )
        ]

    def open_error(self, dataset: Dataset) -> str:
        """Open the page of a failed dataset's error; return its text, the job's error output in it."""
        self.open(f"datasets/{dataset.id}/error")
        self.page.wait_for_selector("#center pre, #center .card")
        self.settle()
        return self.text()

    # Tours

    def open_tour(self, tour: str) -> str:
        """Start a tour by its id; return the title of its first step."""
        self.open(f"tours/{tour}")
        return self._tour_title()

    def continue_tour(self) -> str:
        """Press the tour's Continue; return the title of the next step, which Galaxy shows once its element is there.

        Raises PageError with Galaxy's words if it finds no element, or nothing to click on.
        """
        before = self._tour_title()
        self.page.click(".tour-element .tour-next")
        failed = self.page.locator("#tour-requirement")
        shown = self.page.locator(".tour-title").filter(has_not_text=whole(before))
        failed.or_(shown).first.wait_for()
        if failed.is_visible():
            raise PageError(f"the tour, after {before!r}: {failed.inner_text()}")
        self.settle()
        return self._tour_title()

    def _tour_title(self) -> str:
        return self.page.locator(".tour-element .tour-title").inner_text().strip()

    # Workflows

    def open_workflow(self, workflow: str) -> None:
        """Open the form of a workflow by its id."""
        self.open(f"workflows/run?id={workflow}")
        self.page.wait_for_selector("#run-workflow")
        self.settle()

    def run_workflow(self) -> str:
        """Press the form's button; return the invocation's id."""
        with self.page.expect_response(lambda answer: posted(answer, r"/invocations$")) as answer:
            self.page.click("#run-workflow")
        if not answer.value.ok:
            raise PageError(f"the workflow was refused: {answer.value.text()[:1000]}")
        made = answer.value.json()
        self.settle()
        return (made[0] if isinstance(made, list) else made)["id"]

    def wait_for_invocation(self, invocation: str, seconds: float = 1800) -> None:
        """Wait until a workflow's steps have all been started, and then for all of the current history."""
        end = time.monotonic() + seconds
        while (state := self.read(f"invocations/{invocation}")["state"]) not in ("scheduled", "completed"):
            if state in ("failed", "canceled", "cancelling") or time.monotonic() > end:
                raise PageError(f"the workflow: {state}")
            self.page.wait_for_timeout(2000)
        self.wait(seconds=end - time.monotonic())


def whole(text: str) -> re.Pattern:
    """What an element with this text and no other looks like."""
    return re.compile(rf"^\s*{re.escape(text)}\s*$")


def whole_option(option: str) -> re.Pattern:
    """What the entry of an option, or of a dataset of this name ("12: train.csv"), looks like."""
    return re.compile(rf"^\s*(\d+: ?)?{re.escape(option)}\s*(\(.*\))?\s*$")


def posted(answer: Response, path: str) -> bool:
    return answer.request.method == "POST" and re.search(path, answer.url.partition("?")[0]) is not None


def submitted(answer: Response) -> bool:
    """Whether this is the server's answer to a form: tools that take it, or a request for jobs."""
    return posted(answer, r"/api/(tools|jobs)$")
