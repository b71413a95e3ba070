import pytest
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from dna_lm.reports.markdown import bullets, directive, escape, image, link, pipe_table, warned
from dna_lm.reports.pdf import write_pdf
from dna_lm.reports.writing import write_report
from dna_lm.tools.compare import Options

pytestmark = pytest.mark.filterwarnings("error")


@pytest.fixture
def files(tmp_path):
    """A picture, by the name of the output."""
    figure, axes = plt.subplots(figsize=(4, 3))
    axes.plot([0, 1])
    figure.savefig(tmp_path / "plot.png")
    plt.close(figure)
    return {"plot": tmp_path / "plot.png"}


@pytest.fixture
def places():
    """How high each line stands on its page, 0 to 1."""
    return []


@pytest.fixture
def lines(monkeypatch, places):
    """The lines of text that are set."""
    said = []

    def text(self, x, y, line, *, original=Figure.text, **keywords):
        said.append(line)
        places.append(y)
        assert 0 < x < 1 and 0 < y < 1  # on the page
        return original(self, x, y, line, **keywords)

    monkeypatch.setattr(Figure, "text", text)
    return said


def blocks(*more: str) -> list[str]:
    return [
        "# Title",
        "**All is bold.**\n\nThis is not.",
        *warned(["beware of <b> & $x$"]),
        "## Section",
        image("plot"),
        pipe_table(["metric", "value"], [(f"score{number}", str(number)) for number in range(160)]),
        pipe_table(["strand", "MCC"], [("as | given", "0.5")]),
        bullets(["first", "second"]),
        *more,
    ]


def pages(path) -> int:
    content = path.read_bytes()
    assert content.startswith(b"%PDF-") and content.rstrip().endswith(b"%%EOF")
    return content.count(b"/Type /Page ") + content.count(b"/Type /Page\n")


def test_all_of_a_report_is_in_the_pdf(files, lines, tmp_path):
    write_pdf(tmp_path / "a.pdf", blocks(), files, [("--strand", "both")])
    text = "\n".join(lines)
    for part in (
        *("Title", "All is bold.", "This is not.", "Warning: beware of <b> & $x$", "Section", "• first", "• second"),
        *("metric    value", "score0    0", "score159  159", "as | given  0.5", "--strand  both"),
    ):
        assert part in text
    assert "*" not in text and "&#" not in text and "galaxy" not in text
    assert [" ".join(line.split()) for line in lines[-3:]] == ["Options of the job", "option value", "--strand both"]
    assert pages(tmp_path / "a.pdf") == 4


def test_outputs_that_there_are_not_are_left_out(lines, tmp_path):
    write_pdf(tmp_path / "a.pdf", blocks(directive("something_else()")), {}, [])
    assert "something" not in "\n".join(lines)
    assert lines[-1] == "• second"


def test_a_heading_stands_on_the_page_of_what_follows(files, lines, places, tmp_path):
    filler = "\n".join(f"- {number}" for number in range(32))
    write_pdf(tmp_path / "a.pdf", [filler, "## Last", image("plot")], files, [])
    assert pages(tmp_path / "a.pdf") == 2
    assert lines[-1] == "Last"
    assert places[-1] > 0.9  # at the top of the second page


def test_long_lines_are_broken_or_cut(lines, tmp_path):
    wide = ["x" * 60] * 12
    write_pdf(tmp_path / "a.pdf", ["# " + "word " * 40, "letters " * 60, pipe_table(wide, [wide])], {}, [])
    assert max(map(len, lines)) < 180
    assert lines[-1].endswith("…")
    assert "x" * 12 + "…" + "x" * 12 in lines[-1]


@pytest.mark.parametrize("label", ["$(touch here)", "```galaxy x() ```", "ζ-chain 😀", "**x**", "| a | b |"])
def test_text_of_users_stays_text(lines, tmp_path, label):
    write_pdf(tmp_path / "a.pdf", [f"label {escape(label)}", pipe_table(["label"], [(label,)])], {}, [])
    assert f"label {label}" in lines
    assert label in lines


def test_links_lose_their_address_and_narrow_tables_keep_long_words(lines, tmp_path):
    name = "a_transcription_factor_with_a_long_name"
    given = ["Go on: [Evaluate](/?tool_id=dna_lm_evaluate).", link("metrics", "All"), pipe_table(["l"], [[name]])]
    write_pdf(tmp_path / "a.pdf", given, {}, [])
    assert lines == ["Go on: Evaluate.", "l", name]


def test_a_report_is_written_in_the_forms_that_are_asked_for(files, lines, tmp_path):
    outputs = {f"{name}_out": path for name, path in files.items()}
    options = Options(
        adapter=["a=/data/1.dat", "b=/data/2.dat"], data="/data/test.csv", base_model="built-in", metrics_out="x",
        differences_out="x", plot_out="x", report_out="x",
    )  # fmt: skip
    write_report(blocks(), outputs, options)
    assert not lines
    write_report(blocks(), outputs | {"report_out": tmp_path / "report", "pdf_out": tmp_path / "pdf"}, options)
    assert "This is not." in (tmp_path / "report").read_text()
    text = "\n".join(lines)
    assert "This is not." in text
    assert {"--adapter a=1.dat, b=2.dat", "--data test.csv"} <= {" ".join(line.split()) for line in lines}
    assert "/data" not in text and "-out" not in text and "--threads" not in text


def test_equal_reports_give_equal_bytes(files, tmp_path):
    for name in "ab":
        write_pdf(tmp_path / name, blocks(), files, [])
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert plt.get_fignums() == []


def test_no_place_or_program_is_named(files, tmp_path):
    write_pdf(tmp_path / "a.pdf", blocks(), files, [])
    content = (tmp_path / "a.pdf").read_bytes()
    assert b"CreationDate" not in content and b"matplotlib" not in content.lower()
