"""Take pictures of the tools' forms, and of the reports in its histories, from a running Galaxy.

    make serve                                          # in one terminal; run the workflow there, for the reports
    pip install playwright && apt-get install chromium  # once, anywhere
    python dev/pictures.py http://127.0.0.1:8080 docs/pictures

A folder gets one PNG for each form, report and figure.
"""

import argparse
import shutil
import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

TOOLS = ("prepare", "finetune", "evaluate", "predict")
EXAMPLES = "dna_lm example data"
# The flags keep Chromium from calling home, and let it run as root.
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync", "--no-first-run")
SIZE = {"width": 1400, "height": 1000}
# What Galaxy still does after the page is there (images, tables) has no event to wait for.
SETTLE_MILLISECONDS = 4000


def shoot(page: Page, address: str, path: Path, height: int = SIZE["height"]) -> None:
    """Open a page of Galaxy and save its picture."""
    page.set_viewport_size({**SIZE, "height": height})
    page.goto(address)
    page.wait_for_load_state("load")
    page.wait_for_timeout(SETTLE_MILLISECONDS)
    page.screenshot(path=path)
    print(path)


def open_example_history(page: Page, galaxy: str) -> None:
    """Make the history that `make serve` fills the current one, so that the forms have data to choose from."""
    for history in page.request.get(f"{galaxy}/api/histories").json():
        if history["name"] == EXAMPLES:
            page.goto(f"{galaxy}/history/switch_to_history?hist_id={history['id']}")


def reports(page: Page, galaxy: str) -> dict[str, str]:
    """Return {tool: dataset id} of a report of each tool in any history of the browser's user."""

    def read(path: str):
        return page.request.get(f"{galaxy}/api/{path}").json()

    found = {}
    for history in read("histories"):
        for item in read(f"histories/{history['id']}/contents?v=dev&view=detailed"):
            if item.get("extension") == "tool_markdown" and item.get("state") == "ok":
                job = read(f"jobs/{item['creating_job']}")
                found[job["tool_id"].removeprefix("dna_lm_")] = item["id"]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("galaxy", help="address, such as http://127.0.0.1:8080")
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    browser_path = shutil.which("chromium") or shutil.which("google-chrome")
    if not browser_path:
        sys.exit("error: no chromium; install it (Debian and Ubuntu: apt-get install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=FLAGS)
        page = browser.new_page()
        page.goto(options.galaxy)  # logs in
        open_example_history(page, options.galaxy)
        for tool in TOOLS:
            shoot(page, f"{options.galaxy}/?tool_id=dna_lm_{tool}", options.folder / f"form_{tool}.png", height=1500)
        for tool, dataset in reports(page, options.galaxy).items():
            shoot(
                page, f"{options.galaxy}/datasets/{dataset}/report", options.folder / f"report_{tool}.png", height=2000
            )
        browser.close()


if __name__ == "__main__":
    main()
