"""Fetch public data out of Debian and Python packages into the checkout's ignored download folder."""

import shutil
import subprocess
import sys
from pathlib import Path

DOWNLOADS = Path(__file__).resolve().parents[2] / ".local" / "downloads"


class FetchError(Exception):
    """A package cannot be had; the text says why and what to do."""


def debian_package(name: str) -> Path:
    """Download a Debian package and unpack it. Nothing is installed, so an ordinary user can do it.

    name: for example `augustus-doc`.
    Returns the folder that stands for `/`; taken from the cache when it is there.
    """
    folder = DOWNLOADS / name
    if not folder.exists():
        for program in ("apt-get", "dpkg-deb"):
            if not shutil.which(program):
                raise FetchError(f"{program} is needed to fetch {name}: run this on Debian or Ubuntu")
        DOWNLOADS.mkdir(parents=True, exist_ok=True)
        archives = f"{name}_*.deb"
        if not any(DOWNLOADS.glob(archives)):
            run(["apt-get", "download", name], f"cannot download {name}; is the package list there (apt-get update)?")
        # Unpacked beside its place and then moved: a folder that is there is complete.
        unfinished = fresh_folder(name)
        archive = max(DOWNLOADS.glob(archives))
        run(["dpkg-deb", "-x", str(archive), str(unfinished)], f"cannot unpack {archive.name}: delete it and try again")
        unfinished.rename(folder)
    return folder


def python_package(name: str, version: str, source: bool) -> Path:
    """Download one Python package, without what it depends on, and unpack it. Nothing is installed.

    source: take the source archive; otherwise the wheel.
    Returns the folder with its content; taken from the cache when it is there.
    """
    folder = DOWNLOADS / f"{name}-{version}"
    if not folder.exists():
        DOWNLOADS.mkdir(parents=True, exist_ok=True)
        suffix, kind, form = (".tar.gz", "--no-binary", "gztar") if source else (".whl", "--only-binary", "zip")
        archives = f"{name}-{version}*{suffix}"
        if not any(DOWNLOADS.glob(archives)):
            pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
            run([*pip, kind, ":all:", f"{name}=={version}"], f"cannot download {name} {version}")
        unfinished = fresh_folder(folder.name)
        shutil.unpack_archive(max(DOWNLOADS.glob(archives)), unfinished, form)
        # A source archive holds one folder called name-version, a wheel none.
        inner = unfinished / folder.name
        (inner if inner.is_dir() else unfinished).rename(folder)
        if unfinished.exists():
            unfinished.rmdir()
    return folder


def fresh_folder(name: str) -> Path:
    """Return a new, empty folder in the download folder for an archive that is being unpacked."""
    folder = DOWNLOADS / f"{name}.unfinished"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


def run(command: list[str], failure: str) -> None:
    """Run a command in the download folder; FetchError with `failure` and the command's last line when it fails."""
    done = subprocess.run(command, cwd=DOWNLOADS, capture_output=True, text=True)
    if done.returncode:
        lines = (done.stderr.strip() or done.stdout.strip() or "no message").splitlines()
        raise FetchError(f"{failure} ({lines[-1]})")
