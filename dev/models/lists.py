"""Write what scripts/dna_lm/base_models/known_models.py says into the documentation and the data manager's form.

    PYTHONPATH=scripts python3 dev/models/lists.py            # write both
    PYTHONPATH=scripts python3 dev/models/lists.py --check    # exit with 1 if one is not up to date

The tables of docs/models.md and the options of the form stand between comments with the names of the blocks.
"""

import sys
from pathlib import Path
from xml.sax.saxutils import escape

from dna_lm.base_models.known_models import KNOWN_MODELS, NEEDS, PICKLE, KnownModel
from dna_lm.base_models.licenses import in_words

PROJECT = Path(__file__).resolve().parents[2]
PAGE = PROJECT / "docs" / "models.md"
FORM = PROJECT / "data_managers" / "data_manager_dna_lm_models" / "data_manager" / "dna_lm_install.xml"
PRESELECTED = "RaphaelMourad/Mistral-DNA-v1-17M-hg38"
NOT_CONFIRMED = "see its page on the hub"


def offered() -> list[KnownModel]:
    """Return the models that can be installed and used."""
    return [model for model in KNOWN_MODELS if not model.missing]


def license_of(model: KnownModel) -> str:
    return in_words(model.license) if model.license else NOT_CONFIRMED


def longest(model: KnownModel) -> str:
    if model.longest_tokens is None:
        return "not confirmed" if "longest sequence" in model.unconfirmed else "no limit"
    nucleotides = f"{model.longest_nucleotides:,} nt"
    return (
        nucleotides
        if model.longest_tokens == model.longest_nucleotides
        else f"{model.longest_tokens:,} tokens, about {nucleotides}"
    )


def weights(model: KnownModel) -> str:
    kind = "pickle, converted" if model.weights == PICKLE else model.weights
    return f"{kind}; commit {model.commit[:8]}" if model.commit else kind


def table(header: list[str], rows: list[list[str]]) -> str:
    """Return a Markdown table."""
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (header, ["---"] * len(header), *rows))


def supported_models() -> str:
    header = ["model on the hub", "name, DNA", "architecture, tokens", "longest sequence", "license", "weights"]
    rows = [
        [
            f"`{model.repository}`",
            model.name,
            f"{model.architecture}, {model.tokens}",
            longest(model),
            license_of(model),
            weights(model),
            model.tried,
            model.unconfirmed,
        ]
        for model in offered()
    ]
    return table([*header, "tested here", "not confirmed"], rows)


def other_models() -> str:
    rows = [
        [
            f"`{model.repository}`",
            model.name,
            license_of(model),
            ", ".join(NEEDS[need] for need in model.missing),
        ]
        for model in KNOWN_MODELS
        if model.missing
    ]
    return table(["model on the hub", "name, DNA", "license", "what is missing"], rows)


def option(model: KnownModel) -> str:
    """Return an option of the form's select."""
    selected = ' selected="true"' if model.repository == PRESELECTED else ""
    license = license_of(model) if model.license else f"license: {NOT_CONFIRMED}"
    text = escape(f"{model.name} ({license})")
    return f'{" " * 20}<option value="{model.repository}"{selected}>{text}</option>'


def with_block(content: str, name: str, text: str) -> str:
    """Return a file's content with a text between the comments NAME and /NAME, each on a line of its own."""
    before, rest = content.split(f"<!-- {name} -->\n", 1)
    _, after = rest.split(f"<!-- /{name} -->", 1)
    indent = before.rpartition("\n")[2]
    return f"{before}<!-- {name} -->\n{text}\n{indent}<!-- /{name} -->{after}"


def written() -> dict[Path, str]:
    """Return the content that the files should have."""
    page, form = (path.read_text(encoding="utf-8") for path in (PAGE, FORM))
    page = with_block(page, "supported models", supported_models())
    return {
        PAGE: with_block(page, "other models", other_models()),
        FORM: with_block(form, "known models: made by dev/models/lists.py", "\n".join(map(option, offered()))),
    }


if __name__ == "__main__":
    changed = {path: text for path, text in written().items() if path.read_text(encoding="utf-8") != text}
    if "--check" in sys.argv[1:]:
        sys.exit(bool(changed))
    for path, text in changed.items():
        path.write_text(text, encoding="utf-8")
