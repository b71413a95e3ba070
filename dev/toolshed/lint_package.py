"""Build the package that goes to the Tool Shed, and run `planemo lint` on the tools in it.

In the repository `tools/scripts` is a symbolic link, which Galaxy's linter does not follow; in the package it is a
folder. So what is linted is what a server installs, and a file that the package lacks is found out here.

    python dev/toolshed/lint_package.py
"""

import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from dev.environments import PROJECT, SetupError, local_folder
from dev.galaxy.local_galaxy import run_command

# What the files .shed.yml take files from. It is copied, since planemo puts the package beside the folder that it
# builds from.
SOURCES = ("tools", "scripts", "test-data", "data_managers", "LICENSE", ".shed.yml")


def copy_sources(folder):
    """Copy what the Tool Shed packages are made of into a new folder, links as links."""
    folder.mkdir()
    for name in SOURCES:
        path = PROJECT / name
        if path.is_dir():
            shutil.copytree(path, folder / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(path, folder / name)


def build(folder):
    """Build the Tool Shed package in `folder`; return the folder that holds its files."""
    source, package = folder / "source", folder / "package"
    copy_sources(source)
    built = subprocess.run(
        ["planemo", "shed_build", source], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    if built.returncode:
        raise SetupError(f"planemo shed_build failed:\n{built.stdout}")
    with tarfile.open(folder / "source.tar.gz") as archive:
        archive.extractall(package, filter="data")
    return package


def main():
    runs = local_folder() / "run"
    runs.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=runs) as folder:
        package = build(Path(folder))
        files = [path for path in package.rglob("*") if path.is_file()]
        print(
            f"the Tool Shed package: {len(files)} files, {sum(path.stat().st_size for path in files) / 1e6:.1f} MB",
            flush=True,
        )
        tools = sorted(path.name for path in package.glob("*.xml"))
        return subprocess.run(
            ["planemo", "lint", "--fail_level", "warn", *tools, *sys.argv[1:]], cwd=package
        ).returncode


if __name__ == "__main__":
    run_command(main)
