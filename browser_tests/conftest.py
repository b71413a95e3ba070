"""One real Galaxy and one browser for all the tests, with the small files of test-data uploaded through the page.

Pictures of the steps are left in .local/reports/browser, those of failures too.
"""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from dev.environments import PROJECT, SetupError, local_folder
from dev.galaxy import galaxy_server
from dev.galaxy.browser import GalaxyPage, find_chromium, open_browser
from dev.galaxy.local_galaxy import free_port, local_galaxy

DATA = PROJECT / "test-data"
PICTURES = local_folder() / "reports" / "browser"
FILES = (
    "CTCF.fa",
    "p73.fa",
    "train.csv",
    "dev.csv",
    "test.csv",
    "new.fa",
    "genome.fa",
    "adapter.safetensors",
    "adapter_brief.safetensors",
    "adapter_tiny_random.safetensors",
    "hostile_train.csv",
    "hostile_dev.csv",
    "tiny-random.zip",
)


@pytest.fixture(scope="session")
def server() -> Iterator:
    """The local Galaxy and the client of its API."""
    try:
        find_chromium()
        with local_galaxy("browser", galaxy_server.TOOLS.glob("*.xml")) as galaxy:
            yield galaxy, galaxy_server.start(galaxy, free_port())
    except SetupError as problem:
        pytest.exit(f"error: {problem}", returncode=2)


@pytest.fixture(scope="session")
def galaxy(server) -> Iterator[GalaxyPage]:
    """Galaxy's page in a browser, in a new history."""
    shutil.rmtree(PICTURES, ignore_errors=True)
    run, client = server
    with open_browser(run.folder / "tmp") as browser:
        page = GalaxyPage(browser, client.base_url, PICTURES)
        page.new_history("browser tests")
        yield page


@pytest.fixture(scope="session")
def uploaded(galaxy) -> dict:
    """{file's name: Dataset}, uploaded as a user does."""
    named = "train.csv"  # its type is named in the dialog; Galaxy finds out itself what the others are
    others = [name for name in FILES if name != named]
    datasets = galaxy.upload(*(DATA / name for name in others))
    return dict(zip([*others, named], datasets + galaxy.upload(DATA / named, datatype="csv"), strict=True))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Leave a picture of the page when a test fails."""
    report = yield
    page = getattr(item, "funcargs", {}).get("galaxy")
    if report.failed and page:
        try:
            picture = page.picture(f"failed_{re.sub(r'[^a-z0-9_]+', '_', item.name.lower())}")
            report.sections.append(("picture", str(Path(picture))))
        except Exception as problem:  # the browser itself may be what failed
            report.sections.append(("picture", f"none could be taken: {problem}"))
    return report
