"""Draw the library's folders and what each imports from (docs/pictures/rooms.svg).

    python dev/structure/rooms.py            # write the picture
    python dev/structure/rooms.py --check    # exit with 1 if it is not up to date

Each box is a folder of scripts/dna_lm with its docstring; it stands above all those that it imports from. An arrow that
follows from others (A to B to C, so A to C) is left out. What every folder may import stands at the bottom.
"""

import ast
import sys
import textwrap
from pathlib import Path
from xml.sax.saxutils import escape

PROJECT = Path(__file__).resolve().parents[2]
LIBRARY = PROJECT / "scripts" / "dna_lm"
PICTURE = PROJECT / "docs" / "pictures" / "rooms.svg"
WIDTH, HEIGHT, GAP_X, GAP_Y, MARGIN, BAR = 196, 74, 26, 58, 16, 30


def rooms() -> dict[str, str]:
    """Return the docstring of each folder that is a package, by name."""
    found = sorted(path.parent for path in LIBRARY.glob("*/__init__.py"))
    return {folder.name: ast.get_docstring(ast.parse((folder / "__init__.py").read_text())) or "" for folder in found}


def ground() -> list[str]:
    """Return the modules beside the folders that folders import."""
    every = set().union(*(imported(path) for path in LIBRARY.glob("*/*.py")))
    return sorted(every - rooms().keys())


def imported(path: Path) -> set[str]:
    """Return the folders, or modules beside them, from which a module in a folder imports, itself left out."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level == 2:
            found |= {node.module.split(".")[0]} if node.module else {name.name for name in node.names}
    return found - {path.parent.name}


def arrows() -> dict[str, set[str]]:
    """Return for each folder the folders that it imports from."""
    names = rooms().keys()
    return {name: set().union(*(imported(path) for path in (LIBRARY / name).glob("*.py"))) & names for name in names}


def floors(below: dict[str, set[str]]) -> dict[str, int]:
    """Return the floor of each folder: above all that it imports from. Raises RecursionError on a circle."""

    def floor(name: str) -> int:
        return 1 + max((floor(other) for other in below[name]), default=-1)

    return {name: floor(name) for name in below}


def without_detours(below: dict[str, set[str]]) -> dict[str, set[str]]:
    """Return the arrows that do not follow from others."""

    def reached(name: str) -> set[str]:
        return set().union(*({other} | reached(other) for other in below[name]))

    return {name: below[name] - set().union(*(reached(other) for other in below[name])) for name in below}


def drawn() -> str:
    """Return the picture, as SVG."""
    below, said = arrows(), rooms()
    floor = floors(below)
    rows = [sorted(name for name in floor if floor[name] == number) for number in range(max(floor.values()) + 1)]
    wide = max(len(row) for row in rows) * (WIDTH + GAP_X) - GAP_X + 2 * MARGIN
    high = len(rows) * (HEIGHT + GAP_Y) + GAP_Y + 2 * (MARGIN + BAR)
    corner = {}
    for number, row in enumerate(rows):
        left = (wide - len(row) * (WIDTH + GAP_X) + GAP_X) / 2
        for position, name in enumerate(row):
            corner[name] = (left + position * (WIDTH + GAP_X), high - MARGIN - BAR - (number + 1) * (HEIGHT + GAP_Y))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide:g} {high:g}" font-family="sans-serif">',
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0L8 4L0 8z" fill="#777"/></marker></defs>',
        '<rect width="100%" height="100%" fill="white"/>',
    ]
    for name, others in sorted(without_detours(below).items()):
        for other in sorted(others):
            (x, y), (to_x, to_y) = corner[name], corner[other]
            shift = (to_x - x) / 12  # arrows to and from one box do not lie on one another
            start, end = (x + WIDTH / 2 + shift, y + HEIGHT), (to_x + WIDTH / 2 - shift, to_y)
            bend = GAP_Y * 0.7
            parts.append(
                f'<path d="M{start[0]:.0f} {start[1]:.0f}C{start[0]:.0f} {start[1] + bend:.0f} {end[0]:.0f} '
                f'{end[1] - bend:.0f} {end[0]:.0f} {end[1]:.0f}" fill="none" stroke="#777" marker-end="url(#tip)"/>'
            )
    for name, (x, y) in sorted(corner.items()):
        parts += _box(name, said[name], x, y, WIDTH, "#eef3fa")
    roof = "command.py: the command lines, made from the options of the tools"
    parts += _box("", roof, MARGIN, MARGIN, wide - 2 * MARGIN, "#f7f0e4", BAR)
    parts += _box(
        *("", f"what every folder may import: {', '.join(f'{name}.py' for name in ground())}"),
        *(MARGIN, high - MARGIN - BAR, wide - 2 * MARGIN, "#f7f0e4", BAR),
    )
    return "\n".join([*parts, "</svg>"]) + "\n"


def _box(name: str, text: str, x: float, y: float, width: float, color: str, height: float = HEIGHT) -> list[str]:
    lines = textwrap.wrap(text, int(width / 6.7))
    made = [
        f'<rect x="{x:.0f}" y="{y:.0f}" width="{width:.0f}" height="{height}" rx="6" fill="{color}" stroke="#557"/>'
    ]
    if name:
        made.append(f'<text x="{x + 9:.0f}" y="{y + 18:.0f}" font-size="13" font-weight="bold">{escape(name)}</text>')
    top = y + (34 if name else 20)
    for number, line in enumerate(lines):
        made.append(f'<text x="{x + 9:.0f}" y="{top + 13 * number:.0f}" font-size="11">{escape(line)}</text>')
    return made


if __name__ == "__main__":
    if "--check" in sys.argv[1:]:
        sys.exit(PICTURE.read_text(encoding="utf-8") != drawn())
    PICTURE.write_text(drawn(), encoding="utf-8")
