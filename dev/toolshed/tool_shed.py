"""A Tool Shed on this machine: the project's repositories go up as planemo sends them, and are fetched with hg."""

import json
import subprocess

import requests
import yaml

from dev.environments import SetupError, environment, variables
from dev.galaxy.local_galaxy import free_port
from dev.galaxy.servers import Server

ADMIN = "admin@example.org"
PASSWORD = "only-on-loopback"
BOOTSTRAP_KEY = "bootstrap"


class ToolShed:
    """A running Tool Shed whose one user is the owner of the repositories: its `server` and that user's `key`."""

    def __init__(self, folder, temporary):
        """folder: an empty one for all that it writes; temporary: for its temporary files.

        Raises SetupError when it does not start.
        """
        port = free_port()
        address = f"http://127.0.0.1:{port}"
        galaxy, shed = environment("galaxy"), environment("toolshed")
        # hg is Galaxy's
        self.variables = dict(variables(galaxy), HOME=str(folder), TMPDIR=str(temporary), VIRTUAL_ENV=str(shed))
        config = folder / "tool_shed.yml"
        for name in ("db", "files", "new", "hg", "tool-data", "templates", "whoosh", "cache"):
            (folder / name).mkdir(parents=True)
        config.write_text(json.dumps({"tool_shed": settings(folder, address)}))
        command = [shed / "bin" / "python", "-m", "uvicorn", "--factory", "tool_shed.webapp.fast_factory:factory"]
        self.server = Server(
            "Tool Shed",
            [*command, "--host", "127.0.0.1", "--port", port],
            port,
            folder,
            dict(
                self.variables,
                TOOL_SHED_CONFIG_FILE=str(config),
                TOOL_SHED_SENSITIVE_API_REQUEST_LIMIT="1000/second",
            ),
        )
        self.server.ready()

    def ask(self, path, key, **content):
        """Return Tool Shed's answer to a POST at a path of its API."""
        answer = requests.post(
            f"{self.server.address}/api/{path}", json=content or None, headers={"x-api-key": key}, timeout=60
        )
        if not answer.ok:
            raise SetupError(f"the Tool Shed refused {path}: {answer.text}")
        return answer.json()

    def prepare(self, descriptions):
        """Make the owner and the categories that the repositories name.

        descriptions: paths of .shed.yml files, all of one owner.
        """
        read = [yaml.safe_load(path.read_text()) for path in descriptions]
        (owner,) = {description["owner"] for description in read}
        user = self.ask("users", BOOTSTRAP_KEY, username=owner, email=ADMIN, password=PASSWORD)
        self.key = self.ask(f"users/{user['id']}/api_key", BOOTSTRAP_KEY)
        for category in sorted({name for description in read for name in description["categories"]}):
            self.ask("categories", self.key, name=category, description=category)

    def upload(self, folder):
        """Send the repository that `folder`'s .shed.yml describes with planemo, as its owner would.

        Returns what planemo printed; raises SetupError with it when planemo fails.
        """
        target = ["--shed_target", self.server.address, "--shed_key", self.key, str(folder)]
        printed = ""
        for command in (["shed_create", "--skip_upload"], ["shed_update"]):
            done = subprocess.run(
                ["planemo", *command, *target],
                text=True,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=dict(variables(environment("planemo")), TMPDIR=self.variables["TMPDIR"]),
            )
            printed += f"$ planemo {' '.join(command)}\n{done.stdout}"
            if done.returncode:
                raise SetupError(f"planemo could not upload {folder}:\n{printed}")
        return printed

    def clone(self, owner, name, folder):
        """Fetch a repository with hg into a new folder, as it is in the Tool Shed."""
        address = f"{self.server.address}/repos/{owner}/{name}"
        done = subprocess.run(
            ["hg", "clone", "--quiet", address, folder], env=self.variables, capture_output=True, text=True
        )
        if done.returncode:
            raise SetupError(f"hg clone {address} failed:\n{done.stderr}")
        return folder


def settings(folder, address):
    """The Tool Shed's settings: everything in `folder`, nothing asked of other machines."""
    return {
        "database_connection": f"sqlite:///{folder}/db/community.sqlite?isolation_level=IMMEDIATE",
        "file_path": f"{folder}/files",
        "new_file_path": f"{folder}/new",
        "hgweb_config_dir": f"{folder}/hg",
        "tool_data_path": f"{folder}/tool-data",
        "template_cache_path": f"{folder}/templates",
        "whoosh_index_dir": f"{folder}/whoosh",
        "model_cache_dir": f"{folder}/cache",
        "citation_cache_data_dir": f"{folder}/citations/data",
        "citation_cache_lock_dir": f"{folder}/citations/locks",
        "id_secret": PASSWORD,
        "admin_users": ADMIN,
        "bootstrap_admin_api_key": BOOTSTRAP_KEY,
        "tool_shed_url": address,
        "config_hg_for_dev": True,
        "use_translogger": False,
    }
