"""What a new user sees first: the page in the middle, and the tools in the order of the work."""

import re

from dna_lm.tools import PANEL

LINKS = {"Take the tour": "tours/dna_lm_finetune", "example history": "histories/list", "workflow": "workflows/list"}


def test_the_first_page_leads_to_the_tour_the_histories_and_the_workflows(galaxy):
    for words, path in LINKS.items():
        galaxy.open()
        galaxy.picture("start")
        page = galaxy.page.frame_locator('iframe[src*="welcome"]')
        page.get_by_role("link", name=words).click()
        galaxy.page.wait_for_url(f"**/{path}*")


def test_the_panel_lists_the_tools_in_the_order_of_the_work(galaxy):
    galaxy.open()
    panel = galaxy.page.locator("#toolbox-panel")
    panel.get_by_text("DNA language models", exact=True).click()
    tools = panel.locator('a[href*="tool_id=dna_lm_"]')
    tools.nth(len(PANEL) - 1).wait_for()
    galaxy.settle()  # the section opens slowly
    galaxy.picture("panel")
    shown = [re.search(r"tool_id=dna_lm_(\w+)", tool.get_attribute("href"))[1] for tool in tools.all()]
    assert shown == list(PANEL)
