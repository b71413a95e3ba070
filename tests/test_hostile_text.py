"""Labels, names of columns, identifiers and names of files that mean something elsewhere come through as text.

What they would mean: to a shell, to Cheetah (in which Galaxy's commands are written), to HTML, to Markdown and its
Galaxy directives, to a spreadsheet, to a terminal.
"""

import csv
import json
import os
import re
import shutil
import zipfile
from dataclasses import replace

import pytest
from markdown_it import MarkdownIt

from conftest import train
from dna_lm.adapters.dataset import load_adapter, save_adapter
from dna_lm.base_models.licenses import CARD
from dna_lm.command import options_of_tool
from dna_lm.options import OUTPUT
from dna_lm.tools import TOOLS
from license_texts import HOSTILE
from small import TINY_RANDOM, sequences

LABELS = [
    "=cmd|' /C calc'!A0 $(touch done) `touch done`",
    '"><script>alert(1)</script>',
    "```galaxy job_parameters() ```",
]
COLUMNS = ["=1+1", "$(touch done)", '"><img src=x onerror=alert(1)>', "#if True", "${__import__('os')}", "a'b;c|d"]
VALUES = ["@SUM(1+1)", "`touch done`", "![x](http://127.0.0.1/x)", "#end if", "$dataset", "</script>\x1b[2J"]
FILE = "$(touch done)';#`x`.csv"
# What a report of this project may have of Galaxy's directives.
ARGUMENT = r", \w+=(\"[\w :,.%()'-]*\"|true|false|\d+)"
DIRECTIVE = re.compile(rf'history_dataset_(as_image|link)\(output="\w+"({ARGUMENT})*\)')
LINK = re.compile(r"/\?tool_id=dna_lm_[a-z]+")

MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])
# What Markdown can have and no report of this project has.
FOREIGN = {"html_inline", "html_block", "image", "em_open", "s_open", "fence", "code_block", "hr"}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    return train(tmp_path_factory.mktemp("hostile"), LABELS, epochs=1)


@pytest.fixture
def work(trained, tmp_path, monkeypatch):
    """A folder to run in, with a labeled table and a FASTA file full of such text."""
    monkeypatch.chdir(tmp_path)
    with open(FILE, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["sequence", "label", "id", *COLUMNS])
        for number, (dna, label) in enumerate(sequences(LABELS, 30, 5)):
            writer.writerow([dna, label, f"=id{number}`touch done`", *VALUES])
    (tmp_path / "x.fa").write_text(">$(touch${IFS}done)|=1+1\n" + "ACGTTGCAAC" * 12 + "\n")
    return tmp_path


def outputs(tool: str) -> list[str]:
    """Every report, and every other output that has to be given, with a name that is text of that kind, too."""
    every = [option for option in options_of_tool(tool) if option.kind is OUTPUT]
    asked = [option for option in every if not option.optional or option.name in ("report_out", "pdf_out")]
    return [part for option in asked for part in (option.flag, f"{option.name}.$(touch done)")]


def check(work, done):
    """The job ended well; nothing was run, no directive or tag came into a report, no control character into a line."""
    assert done.code == 0, done.err
    assert "done" not in os.listdir(work)
    assert "\x1b" not in done.err and "\x1b" not in done.out
    for pdf in work.glob("*pdf_out*"):
        assert pdf.read_bytes().startswith(b"%PDF")
    for report in work.glob("*report_out*"):
        text = report.read_text(encoding="utf-8")
        for call in re.findall(r"```galaxy\n(.*?)\n```", text, re.DOTALL):
            assert DIRECTIVE.fullmatch(call), call
        rest = re.sub(r"```galaxy\n.*?\n```", "", text, flags=re.DOTALL)
        for mark in ("```", "<", "${", "$(", "!["):
            assert mark not in rest, rest
        tokens = [part for token in MARKDOWN.parse(rest) for part in (token.children or [token])]
        assert not FOREIGN & {token.type for token in tokens}, rest
        assert all(LINK.fullmatch(token.attrs["href"]) for token in tokens if token.type == "link_open"), rest
    return work


def rows(work, name: str) -> list[list[str]]:
    (path,) = work.glob(f"{name}*")
    return [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]


BASE = ("--base-model", TINY_RANDOM)
REPLACED = {"encoding": "utf-8", "errors": "replace"}


def test_prepare(call_tool, work):
    check(work, call_tool("prepare", "--table", FILE, "--sequence-column", "sequence", *outputs("prepare")))


def test_finetune(call_tool, work, trained):
    given = ["--train", trained.splits["train"], "--dev", FILE, "--preset", "recommended", "--epochs", 1]
    check(work, call_tool("finetune", *BASE, *given, *outputs("finetune")))


def test_evaluate(call_tool, work, trained):
    given = ["--adapter", trained.adapter, "--data", FILE]
    check(work, call_tool("evaluate", *BASE, *given, *outputs("evaluate")))
    table = rows(work, "predictions_out")
    assert set(COLUMNS) <= set(table[0]) and {f"p({label})" for label in LABELS} <= set(table[0])
    # A table stays what it was: text that a spreadsheet would take for a formula is not changed either.
    assert table[1][0] == "=id0`touch done`" and table[1][table[0].index("=1+1")] == "@SUM(1+1)"


def test_a_name_of_a_file_that_is_not_utf_8(call_tool, work, trained):
    name, reads = os.fsdecode(b"te\xffst.csv"), os.fsdecode(b"\xe9.fa")
    os.rename(FILE, name)
    os.rename("x.fa", reads)
    jobs = {
        "evaluate": [*BASE, "--adapter", trained.adapter, "--data", name],
        "prepare": ["--table", name, "--plot-out", "plot.png"],
        "finetune": [*BASE, "--train", trained.splits["train"], "--dev", name, "--epochs", 1],
    }
    for tool, given in jobs.items():
        check(work, call_tool(tool, *given, *outputs(tool), "--report-out", f"report_out.{tool}"))
        assert "xffst" in (work / f"report_out.{tool}").read_text(encoding="utf-8")
    given = ["--adapter", trained.adapter, "--input", reads, "--input-format", "fasta"]
    check(work, call_tool("predict", *BASE, *given, *outputs("predict")))


def test_predict(call_tool, work, trained):
    for name, form in ((FILE, "csv"), ("x.fa", "fasta")):
        given = ["--adapter", trained.adapter, "--input", name, "--input-format", form]
        check(work, call_tool("predict", *BASE, *given, *outputs("predict")))
        table = rows(work, "predictions_out")
        assert {row[table[0].index("predicted")] for row in table[1:]} <= set(LABELS)


def test_calibrate(call_tool, work, trained):
    given = ["--adapter", trained.adapter, "--data", FILE]
    check(work, call_tool("calibrate", *BASE, *given, *outputs("calibrate")))


def test_compare(call_tool, work, trained):
    names = ["=1+1`touch done`", '"><script>alert(1)</script> $(touch done)']
    given = [part for name in names for part in ("--adapter", f"{name}={trained.adapter}")]
    check(work, call_tool("compare", *BASE, *given, "--data", FILE, "--resamples", 100, *outputs("compare")))


def test_scan(call_tool, work, trained):
    given = ["--adapter", trained.adapter, "--genome", "x.fa", "--label", LABELS[1], "--window", 20, "--step", 10]
    check(work, call_tool("scan", *BASE, *given, *outputs("scan")))


def test_adapter(call_tool, work, trained):
    check(work, call_tool("adapter", "--action", "show", "--adapter", trained.adapter, *outputs("adapter")))
    given = ["--action", "export", "--adapter", trained.adapter, "--exported-out", "a.zip", *outputs("adapter")]
    check(work, call_tool("adapter", *BASE, *given))
    given = ["--action", "import", "--archive", "a.zip", "--imported-out", "b", *outputs("adapter")]
    check(work, call_tool("adapter", *BASE, *given))


@pytest.mark.parametrize("license", [" ".join(HOSTILE[:4]), HOSTILE[4]], ids=["marks", "10 MB"])
def test_the_license_of_a_base_model(call_tool, work, trained, license):
    """In a model card, and in the record of an adapter that a stranger made."""
    base = shutil.copytree(TINY_RANDOM, work / "base")
    (base / CARD).write_bytes(
        b"---\nlicense: " + json.dumps(license, ensure_ascii=False).encode(**REPLACED) + b"\n---\n"
    )
    given = ["--train", trained.splits["train"], "--dev", trained.splits["dev"], "--epochs", 1, "--branch", "no"]
    check(work, call_tool("finetune", "--base-model", base, *given, *outputs("finetune")))
    adapter = load_adapter(trained.adapter)
    text = license.encode(**REPLACED).decode()
    save_adapter(replace(adapter, base_model=adapter.base_model | {"license": text}), work / "theirs")
    check(work, call_tool("adapter", "--action", "show", "--adapter", "theirs", *outputs("adapter")))
    given = ["--action", "export", "--adapter", "theirs", "--exported-out", "a.zip", *outputs("adapter")]
    check(work, call_tool("adapter", *BASE, *given))
    card = zipfile.ZipFile("a.zip").read("adapter/README.md").decode()
    header, rest = card.removeprefix("---\n").split("\n---\n", 1)
    assert header.count("\n") == 5 and "<script" not in rest and "```galaxy" not in rest and len(card) < 20_000


def test_every_tool_is_here():
    tested = {name.removeprefix("test_") for name in globals() if name.startswith("test_")}
    assert set(TOOLS) - {"install"} <= tested


# --- what is quoted in messages --------------------------------------------------------------------------------------


def test_a_message_quotes_it_as_text(call_tool, work, trained):
    with open(FILE, "a", encoding="utf-8") as file:
        file.write("ACGT,$(touch done)\x1b[2J,id,1,2,3,4,5,6\n")
    error = call_tool("evaluate", *BASE, "--adapter", trained.adapter, "--data", FILE, *outputs("evaluate")).error
    assert "\x1b" not in error and "the label '$(touch done)\\x1b[2J' contains a control character" in error
    assert "done" not in os.listdir(work)


@pytest.mark.parametrize("line", ["A" * 5_000_000, ("ACGT," * 400_000), '"' + "A" * 5_000_000, "\t" * 1_000_000])
def test_a_huge_line_is_refused_in_a_short_one(call_tool, work, trained, line):
    (work / "huge.csv").write_text("sequence,label\n" + line + "\n")
    error = call_tool("evaluate", *BASE, "--adapter", trained.adapter, "--data", "huge.csv", *outputs("evaluate")).error
    assert "huge.csv" in error and len(error) < 400
