import html
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from dna_lm.reports.markdown import (
    TOOLS,
    WebLink,
    bullets,
    escape,
    image,
    link,
    listed,
    pipe_table,
    tool_link,
    warned,
    write,
)
from forms import form

# As strict as viewers come: HTML is let through, and tables and strikethrough are known.
MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])
HOSTILE = [
    "${galaxy generate_time()}",
    "```galaxy job_parameters() ```",
    "~~~",
    "<b>x</b><!-- &lt; &#60;",
    "<http://x.org> http://x.org www.x.org a@x.org",
    "*a* __b__ _c_ ~~d~~ $e$ `f` \\* ![g](h) [i]: j",
    "a | b",
    "# a",
    "- a",
    "+ a",
    "* a",
    "1. a",
    "1) a",
    "> a",
    "===",
    "---",
    "- - -",
    "    a",
    "\ta",
]
MARKS = "".join(map(chr, range(32, 127)))
# Control characters have no entity that viewers agree on.
TEXT = st.text(st.sampled_from(MARKS) | st.characters(exclude_categories=("Cc", "Cs")))


def shown(block: str) -> tuple[set[str], str]:
    """Return the kinds of everything that a viewer finds in a block of Markdown, and the text of it."""
    tokens = [part for token in MARKDOWN.parse(block) for part in (token.children or [token])]
    return {token.type for token in tokens}, "".join(token.content for token in tokens)


def hostile(function):
    function = given(TEXT)(function)
    for text in HOSTILE:
        function = example(text)(function)
    return function


@given(st.text())
def test_escaped_text_is_what_it_was(text):
    escaped = escape(text)
    assert re.sub(r"&#(\d+);", lambda mark: chr(int(mark[1])), escaped) == text
    assert not re.search(r"[<>`*\[\]|\\~$@\x00-\x1f]", escaped) and escaped.splitlines() == [escaped] * bool(escaped)


@hostile
def test_escaped_text_is_a_paragraph_of_text(text):
    kinds, content = shown(escape(f"{text}."))
    assert kinds == {"paragraph_open", "text", "paragraph_close"}
    assert content.strip() == f"{text}.".strip()


@hostile
def test_escaped_text_stays_within_its_item_and_its_cell(text):
    kinds, content = shown(bullets([text, f"{text}."]))
    around = {f"{name}_{end}" for name in ("bullet_list", "list_item", "paragraph") for end in ("open", "close")}
    assert kinds <= around | {"text"}
    assert "".join(content.split()) == "".join(f"{text}{text}.".split())
    kinds, content = shown(pipe_table([text, "b"], [("x", text)]))
    cells = {"table", "thead", "tbody", "tr", "th", "td"}
    assert {kind.partition("_")[0] for kind in kinds} - {"inline"} == cells | {"text"}
    assert "".join(content.split()) == "".join(f"{text}bx{text}".split())


@hostile
def test_escaped_text_stays_within_its_warning(text):
    kinds, content = shown(warned([text])[0])
    around = {f"{name}_{end}" for name in ("blockquote", "paragraph", "strong") for end in ("open", "close")}
    assert kinds == around | {"text"}
    assert "".join(content.split()) == "".join(f"Warning: {text}".split())


@pytest.mark.parametrize(
    "text",
    [
        "MCC 0.683 (0.641 to 0.722), 5% better than k-mers; that is no chance: p = 0.004.",
        "k_proj, o_proj, q_proj and v_proj of tiny-random",
        "peaks_a.narrowPeak: it's 1,200 + 3 sequences (25.0%), 'a' and \"b\"",
        "-0.5",
        "0.683",
        "+3",
    ],
)
def test_ordinary_sentences_are_not_changed(text):
    assert escape(text) == text


def test_directives():
    assert image("plot") == '```galaxy\nhistory_dataset_as_image(output="plot")\n```'
    assert link("summary", "Steps") == '```galaxy\nhistory_dataset_link(output="summary", label="Steps")\n```'


def test_a_table_written_out():
    assert pipe_table(("model", "MCC"), [("a|b", "0.5"), ("c", "1")]) == (
        "| model | &ensp; MCC |\n| --- | ---: |\n| a&#124;b | 0.5 |\n| c | 1 |"
    )
    assert pipe_table("abc", [], texts=2) == "| a &ensp; | b | &ensp; c |\n| --- | --- | ---: |"


@given(st.lists(st.tuples(*[st.text("0123456789.,abc", max_size=40)] * 4), min_size=1), st.integers(1, 3))
def test_headers_are_wider_than_their_columns(rows, texts):
    names = ["id", "label", "p", "MCC"]
    cells = [token.content for token in MARKDOWN.parse(pipe_table(names, rows, texts)) if token.type == "inline"]
    for column, name in enumerate(names):
        # A letter is about as wide as a wide space, and twice as wide as a space.
        width = len(html.unescape(cells[column])) - cells[column].count(" ") / 2
        if column + 1 != texts:
            assert width > max(len(html.unescape(cell)) for cell in cells[4 + column :: 4])
            assert cells[column].startswith(name) if column < texts else cells[column].endswith(f" {name}")


def test_a_cell_that_links_a_page():
    table = pipe_table(("id", "MCC"), [(WebLink("m|1]", "https://example.org/m1"), "0.5")])
    assert table.splitlines()[2] == "| [m&#124;1&#93;](https://example.org/m1) | 0.5 |"


def test_lists_and_warnings():
    assert bullets(["one", "*two*"]) == "- one\n- &#42;two&#42;"
    assert warned(["*one*"]) == ["> **Warning:** &#42;one&#42;"]
    assert listed(["a", "b*"]) == "a, b&#42;"
    assert listed([str(number) for number in range(22)]).endswith("18, 19 and 2 more")


def test_empty_blocks_are_left_out_and_any_letter_is_written(tmp_path):
    write(tmp_path / "report.md", "one", "", "\udcff")
    assert (tmp_path / "report.md").read_text(encoding="utf-8") == "one\n\n\\udcff\n"


def test_links_to_tools_have_the_names_and_ids_of_the_forms():
    for tool, name in TOOLS.items():
        assert (form(tool).get("id"), form(tool).get("name")) == (f"dna_lm_{tool}", name)
        assert tool_link(tool) == f"[{name}](/?tool_id=dna_lm_{tool})"
