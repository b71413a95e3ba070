"""A Pulsar server that cannot see Galaxy's files, and how Galaxy sends jobs to it.

Where the system allows it (as root, or as a user with user namespaces), the server runs in a mount namespace in which
Galaxy's folder and the project's own files are empty. Elsewhere it is a separate server that is told no shared path.
"""

import json
import shutil
import subprocess

from dev.environments import PROJECT, environment, variables
from dev.galaxy import tool_dependencies
from dev.galaxy.local_galaxy import free_port
from dev.galaxy.servers import Server

TOKEN = "only-on-loopback"
# Ways to a mount namespace of one's own: as root, and as a user who becomes root in a user namespace.
UNSHARE = (["unshare", "--mount"], ["unshare", "--map-root-user", "--mount"])
# "$0" is nothing; the folders come before "--", the command after it.
HIDE = 'while [ "$1" != -- ]; do mount -t tmpfs none "$1" || exit 1; shift; done; shift; exec "$@"'


def namespace():
    """The command that gives the next one a mount namespace in which it may mount; None if the system has none."""
    for command in UNSHARE:
        try:
            tried = subprocess.run([*command, "mount", "-t", "tmpfs", "none", "/tmp"], capture_output=True)
        except OSError:
            return None
        if tried.returncode == 0:
            return command
    return None


class PulsarServer:
    """A running Pulsar server: its `server`, and whether folders are `hidden` from it."""

    def __init__(self, folder, hidden, xml_files, genomes):
        """Start the server; folder: an empty one for all that it writes, staging and temporary files too.

        hidden: folders that it must not see; xml_files: of the tools whose packages it gives to jobs;
        genomes: Galaxy's folder of genomes, which gets a copy elsewhere on Pulsar's side.
        Raises SetupError when it does not start.
        """
        port = free_port()
        self.url = f"http://127.0.0.1:{port}/"
        self.genomes, self.own_genomes = genomes, folder / "genomes"
        for name in ("staging", "persistence", "tmp"):
            (folder / name).mkdir(parents=True)
        shutil.copytree(genomes, self.own_genomes)
        resolvers = tool_dependencies.write_resolvers(folder, xml_files, environment("tools"))
        settings = {
            "private_token": TOKEN,
            "staging_directory": str(folder / "staging"),
            "persistence_directory": str(folder / "persistence"),
            "dependency_resolvers_config_file": str(resolvers),
            "tool_dependency_dir": str(folder / "dependencies"),
            "conda_auto_init": False,
            "conda_auto_install": False,
            "managers": {"_default_": {"type": "queued_python", "num_concurrent_jobs": 2}},
        }
        (folder / "app.yml").write_text(json.dumps(settings))
        (folder / "server.ini").write_text(
            f"[server:main]\nport = {port}\nhost = 127.0.0.1\n[app:main]\napp_config = %(here)s/app.yml\n"
        )
        own = environment("pulsar")
        command = [own / "bin" / "pulsar-serve", "server.ini"]
        unshared = namespace()
        self.hidden = unshared is not None
        if self.hidden:
            command = [*unshared, "sh", "-c", HIDE, "hide", *hidden, "--", *command]
        self.server = Server(
            "Pulsar",
            command,
            port,
            folder,
            dict(variables(own), HOME=str(folder), TMPDIR=str(folder / "tmp")),
        )
        self.server.ready("/")

    def destination(self):
        """Galaxy's job environment for this server, without its runner."""
        return {
            "url": self.url,
            "private_token": TOKEN,
            "default_file_action": "remote_transfer",
            "dependency_resolution": "remote",  # Pulsar's own packages
            "outputs_to_working_directory": False,  # with it, outputs come back empty, without a word
            # Paths from data tables stay as they are, except where one is said to be elsewhere on Pulsar's side.
            "file_actions": {
                "paths": [
                    {
                        "path": str(self.genomes),
                        "path_types": "unstructured",
                        "action": "rewrite",
                        "source_directory": str(self.genomes),
                        "destination_directory": str(self.own_genomes),
                    }
                ]
            },
        }


def project_folders():
    """The project's own folders, which nothing that was installed may need."""
    return [PROJECT / name for name in ("tools", "scripts", "test-data", "data_managers")]
