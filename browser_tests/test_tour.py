"""The tour taken as its reader does: read a step, do what it says, press Continue."""

import re

import yaml

from conftest import DATA
from dev.galaxy import galaxy_server

TOUR = "dna_lm_finetune"
SETS = ("train.csv", "dev.csv")


def choose_files(galaxy):
    with galaxy.page.expect_file_chooser() as chooser:
        galaxy.page.click("#regular #btn-local")
    chooser.value.set_files([str(DATA / name) for name in SETS])


def wait_for_upload(galaxy):
    galaxy.page.locator("#regular .upload-row.upload-success").nth(len(SETS) - 1).wait_for()
    galaxy.wait()  # a form that is open when datasets become ready is filled in anew, with the newest


# What the text of a step asks the reader to do before Continue, by its title; Continue does the rest.
DONE = {
    "Your files": choose_files,
    "Close": wait_for_upload,
    "Training set": lambda galaxy: galaxy.choose("Training set", "train.csv"),
    "Development set": lambda galaxy: galaxy.choose("Development set", "dev.csv"),
    "Run": lambda galaxy: galaxy.run(),
}


def test_the_tour_leads_from_two_tables_to_a_report(galaxy):
    steps = yaml.safe_load((galaxy_server.TOURS / f"{TOUR}.yaml").read_text())["steps"]
    assert [path.stem for path in galaxy_server.TOURS.iterdir()] == [TOUR]
    assert DONE.keys() <= {step["title"] for step in steps}
    galaxy.new_history("tour")
    for number, step in enumerate(steps):
        title = galaxy.continue_tour() if number else galaxy.open_tour(TOUR)
        assert title == step["title"]
        galaxy.picture(f"tour_{number + 1:02}_{re.sub('[^a-z]+', '_', title.lower())}")
        if "element" in step:
            assert galaxy.page.locator(step["element"]).first.is_visible(), step
        if title in DONE:
            DONE[title](galaxy)
    galaxy.wait()
    (report,) = [dataset for dataset, _ in galaxy.datasets() if dataset.name.startswith("Training report")]
    assert "120 sequences" in galaxy.open_report(report)
