"""Put tables into the model card, between markers, so that its figures are those of the last run."""

from pathlib import Path

MODEL = Path(__file__).resolve().parents[2] / "scripts" / "dna_lm" / "models" / "tiny-human-dna"
CARD = MODEL / "README.md"


def markdown_table(header: list[str], rows: list[list[str]]) -> str:
    """Return a Markdown table; the first column is text, the others are figures."""
    rule = ["---"] + ["---:"] * (len(header) - 1)
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (header, rule, *rows))


def write_block(card: Path, name: str, text: str) -> None:
    """Replace what stands between `<!-- NAME -->` and `<!-- /NAME -->` in the card."""
    content = card.read_text()
    before, rest = content.split(f"<!-- {name} -->", 1)
    _, after = rest.split(f"<!-- /{name} -->", 1)
    card.write_text(f"{before}<!-- {name} -->\n{text}\n<!-- /{name} -->{after}")
