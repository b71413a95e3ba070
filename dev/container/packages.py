"""Write what the container installs, cpu.txt and gpu.txt, from the tools' requirements.

    python dev/container/packages.py

Both have the requirements of all tools and of the data manager at their versions, and the Python of the tests. PyTorch
and bitsandbytes come in builds for processors and for CUDA, which have to be the same for both.
"""

from pathlib import Path

from dev.galaxy.tool_dependencies import requirements

FOLDER = Path(__file__).resolve().parent
PROJECT = FOLDER.parent.parent

PYTHON = "3.11"
# The CUDA for which conda-forge has both: bitsandbytes 0.49.2 is there for 12.9 only, pytorch 2.12.0 for 12.9 and 13.0.
BUILDS = {"cpu": "cpu_*", "gpu": "cuda129*"}
IN_BUILDS = ("bitsandbytes", "pytorch")
XML = ("tools/*.xml", "data_managers/*/data_manager/*.xml")


def packages(variant: str) -> str:
    """Return the text of a variant's file: a package a line, `name=version` or `name=version=build`."""
    required = requirements(path for pattern in XML for path in sorted(PROJECT.glob(pattern)))
    lines = [f"python={PYTHON}"]
    for name, version in sorted(required.items()):
        lines.append(f"{name}={version}" + (f"={BUILDS[variant]}" if name in IN_BUILDS else ""))
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    for variant in BUILDS:
        (FOLDER / f"{variant}.txt").write_text(packages(variant))
