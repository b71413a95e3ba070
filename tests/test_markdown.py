import re

from hypothesis import given
from hypothesis import strategies as st

from dna_lm.reports.markdown import bullets, escape, image, listed, pipe_table, table, warned, write


@given(st.text())
def test_escaped_text_has_no_mark_and_is_what_it_was(text):
    escaped = escape(text)
    assert re.fullmatch(r"(&#\d+;|[^\x00-\x1f!-/:-@\[-`{-~\x7f])*", escaped)
    assert re.sub(r"&#(\d+);", lambda mark: chr(int(mark[1])), escaped) == text


def test_directives():
    assert image("plot") == '```galaxy\nhistory_dataset_as_image(output="plot")\n```'
    assert table("summary", "Steps") == (
        '```galaxy\nhistory_dataset_as_table(output="summary", title="Steps", show_column_headers=false)\n```'
    )


def test_a_table_written_out():
    assert pipe_table(("model", "MCC"), [("a|b", "0.5"), ("c", "1")]) == (
        "| &ensp;model&ensp; | &ensp;MCC&ensp; |\n| --- | ---: |\n| a&#124;b | 0&#46;5 |\n| c | 1 |"
    )
    assert pipe_table("abc", [], texts=2) == "| &ensp;a&ensp; | &ensp;b&ensp; | &ensp;c&ensp; |\n| --- | --- | ---: |"


def test_lists_and_warnings():
    assert bullets(["one", "*two*"]) == "- one\n- &#42;two&#42;"
    assert warned(["*one*"]) == ["> **Warning:** &#42;one&#42;"]
    assert listed(["a", "b*"]) == "a, b&#42;"
    assert listed([str(number) for number in range(22)]).endswith("18, 19 and 2 more")


def test_empty_blocks_are_left_out_and_any_letter_is_written(tmp_path):
    write(tmp_path / "report.md", "one", "", "\udcff")
    assert (tmp_path / "report.md").read_text(encoding="utf-8") == "one\n\n\\udcff\n"
