"""Take pictures of the tools' forms, and of the reports in its histories, from a running Galaxy.

    make serve                    # in one terminal; run the workflow there, for the reports
    python3 dev/environments.py run browser python dev/galaxy/pictures.py http://127.0.0.1:8080 docs/pictures

A folder gets one PNG for each form and each tool's report.
"""

import argparse
from pathlib import Path

from dev.galaxy.browser import Dataset, GalaxyPage, open_browser
from dev.galaxy.local_galaxy import run_command

TOOLS = ("prepare", "finetune", "evaluate", "compare", "calibrate", "predict", "scan", "adapter")
EXAMPLES = "dna_lm example data"


def open_example_history(galaxy: GalaxyPage) -> None:
    """Make the history that `make serve` fills the current one, so that the forms have data to choose from."""
    for history in galaxy.read("histories"):
        if history["name"] == EXAMPLES:
            galaxy.switch_history(history["id"])


def reports(galaxy: GalaxyPage) -> dict[str, Dataset]:
    """Return {tool: a report of it} in any history of the browser's user."""
    found = {}
    for history in galaxy.read("histories"):
        for item in galaxy.read(f"histories/{history['id']}/contents?v=dev&view=detailed"):
            if item.get("extension") == "tool_markdown" and item.get("state") == "ok":
                job = galaxy.read(f"jobs/{item['creating_job']}")
                tool = job["tool_id"].removeprefix("dna_lm_")
                found[tool] = Dataset(item["hid"], item["id"], item["name"])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("galaxy", help="address, such as http://127.0.0.1:8080")
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    with open_browser() as browser:
        galaxy = GalaxyPage(browser, options.galaxy, options.folder)
        open_example_history(galaxy)
        for tool in TOOLS:
            galaxy.open_tool(f"dna_lm_{tool}")
            print(galaxy.picture(f"form_{tool}", height=1500))
        for tool, dataset in reports(galaxy).items():
            galaxy.open_report(dataset)
            print(galaxy.picture(f"report_{tool}", height=2000))


if __name__ == "__main__":
    run_command(main)
