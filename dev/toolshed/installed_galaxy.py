"""A Galaxy as a server has it: nothing but what its administrator installs from a Tool Shed.

Unlike planemo's it has users, a tool shed, data tables of its own and any job configuration.
"""

import json
import shutil
import time

from bioblend.galaxy import GalaxyInstance
from bioblend.toolshed import ToolShedInstance

from dev.environments import PROJECT, SetupError, say
from dev.galaxy import galaxy_server
from dev.galaxy.local_galaxy import free_port
from dev.galaxy.servers import Server

ADMIN = "admin@example.org"
PASSWORD = "only-on-loopback"
BOOTSTRAP_KEY = "bootstrap"
LONGEST_JOB = 300  # seconds
MODEL = PROJECT / "test-data" / "tiny-random.zip"
MODEL_ID, MODEL_LABEL = "dna-lm/tiny-random", "Tiny random model (for tests)"  # as in test-data/huggingface.loc
GENOME = PROJECT / "test-data" / "genome.fa"
GENOME_ROW = ("small", "small", "Small random genome (for tests)")  # as in test-data/all_fasta.loc
LOCAL = {"runner": "local"}  # a job environment: on this machine


class InstalledGalaxy:
    """A Galaxy in `folder`, with `genomes` in it; what data managers install goes to `reference`."""

    def __init__(self, local, tool_shed):
        """local: a LocalGalaxy, whose folders, environment and packages are used; tool_shed: the address of one."""
        self.local, self.tool_shed = local, tool_shed
        self.folder, self.reference = local.folder / "galaxy", local.folder / "reference"
        self.genomes = self.folder / "genomes"
        self.genomes.mkdir(parents=True)
        self.reference.mkdir()
        shutil.copy(GENOME, self.genomes)
        (self.folder / "data").mkdir()  # Celery dies without it
        files = {
            "tool_sheds_conf.xml": f'<tool_sheds><tool_shed name="Local" url="{tool_shed}"/></tool_sheds>',
            "tool_conf.xml": "<toolbox/>",
            "shed_tool_conf.xml": f'<toolbox tool_path="{self.folder}/shed_tools"/>',
            "tool_data_table_conf.xml": f"""<tables><table name="all_fasta" comment_char="#">
                <columns>value, dbkey, name, path</columns>
                <file path="{self.folder}/all_fasta.loc"/></table></tables>""",
            "shed_tool_data_table_conf.xml": "<tables/>",
            "shed_data_manager_conf.xml": "<data_managers/>",
            "all_fasta.loc": "\t".join([*GENOME_ROW, str(self.genomes / GENOME.name)]) + "\n",
        }
        for name, text in files.items():
            (self.folder / name).write_text(text)
        self.client = None

    def start(self, destination, **runner):
        """Start the server with all jobs but uploads at `destination`, a job environment of its configuration.

        runner: the runner that the destination names, if it is not the local one.
        """
        port = free_port()

        (self.folder / "job_conf.yml").write_text(
            json.dumps(
                {
                    "runners": {
                        "local": {"load": "galaxy.jobs.runners.local:LocalJobRunner", "workers": 2},
                        **{
                            name: {**settings, "galaxy_url": f"http://127.0.0.1:{port}"}
                            for name, settings in runner.items()
                        },
                    },
                    "execution": {"default": "tools", "environments": {"own": LOCAL, "tools": destination}},
                    "tools": [{"class": "local", "environment": "own"}],  # uploads and the like
                }
            )
        )
        config = self.folder / "galaxy.yml"
        # JSON is YAML, and dev/galaxy/run.sh reads it
        config.write_text(
            json.dumps({"gravity": {"gunicorn": {"bind": f"127.0.0.1:{port}"}}, "galaxy": self.settings(port)})
        )
        self.server = Server(
            " with ".join(["Galaxy", *map(str.capitalize, runner)]),  # a log of its own for each
            ["bash", self.local.root / "run.sh"],
            port,
            self.folder,
            dict(
                self.local.variables,
                GALAXY_CONFIG_FILE=str(config),
                GALAXY_CONFIG_OVERRIDE_GALAXY_DATA_MANAGER_DATA_PATH=str(self.reference),
                GALAXY_SLOTS="1",
            ),
        )
        self.server.ready()
        if self.client is None:
            users = GalaxyInstance(self.server.address, key=BOOTSTRAP_KEY).users
            self.key = users.create_user_apikey(users.create_local_user("admin", ADMIN, PASSWORD)["id"])
        self.client = GalaxyInstance(self.server.address, key=self.key)

    def stop(self):
        self.server.stop()

    def settings(self, port):
        """Galaxy's settings: everything in its folder."""
        folder = self.folder
        return {
            "database_connection": f"sqlite:///{folder}/data/galaxy.sqlite?isolation_level=IMMEDIATE&timeout=60",
            "data_dir": f"{folder}/data",
            "config_dir": str(folder),
            "managed_config_dir": f"{folder}/data",
            "file_path": f"{folder}/files",
            "new_file_path": f"{folder}/data/tmp",
            "job_working_directory": f"{folder}/jobs",
            "tool_config_file": f"{folder}/tool_conf.xml,{folder}/shed_tool_conf.xml",
            "shed_tool_config_file": f"{folder}/shed_tool_conf.xml",
            "tool_sheds_config_file": f"{folder}/tool_sheds_conf.xml",
            "tool_data_path": f"{folder}/tool-data",
            "tool_data_table_config_path": f"{folder}/tool_data_table_conf.xml",
            "shed_tool_data_table_config": f"{folder}/shed_tool_data_table_conf.xml",
            "shed_data_manager_config_file": f"{folder}/shed_data_manager_conf.xml",
            "job_config_file": f"{folder}/job_conf.yml",
            "dependency_resolvers_config_file": str(self.local.resolvers),
            "integrated_tool_panel_config": f"{folder}/data/integrated_tool_panel.xml",
            "galaxy_infrastructure_url": f"http://127.0.0.1:{port}",
            "admin_users": ADMIN,
            "bootstrap_admin_api_key": BOOTSTRAP_KEY,
            "id_secret": PASSWORD,
            "check_upload_content": False,
            "enable_celery_tasks": True,
            "object_store_store_by": "uuid",
            "conda_auto_init": False,
        }

    def install(self, owner, name):
        """Install the newest revision of a repository from the Tool Shed; return the folder that it is in.

        Raises SetupError when Galaxy does not say that it is installed.
        """
        revision = ToolShedInstance(self.tool_shed).repositories.get_ordered_installable_revisions(name, owner)[-1]
        self.client.toolshed.install_repository_revision(
            tool_shed_url=self.tool_shed,
            name=name,
            owner=owner,
            changeset_revision=revision,
            install_tool_dependencies=False,
            install_repository_dependencies=True,
            install_resolver_dependencies=False,
            new_tool_panel_section_label="DNA language models",
        )
        states = {found["name"]: found["status"] for found in self.client.toolshed.get_repositories()}
        if states.get(name) != "Installed":
            raise SetupError(f"Galaxy did not install {name}: {states.get(name)}; its log: {self.server.log}")
        return next(self.folder.glob(f"shed_tools/**/{revision}/{name}"))

    def tools(self):
        """Return {short id: (full id, number of its tests)} of all tools that came from the Tool Shed."""
        summary = galaxy_server.get(self.client, "tools/tests_summary").json()
        return {
            full.split("/")[-2]: (full, sum(version["count"] for version in versions.values()))
            for full, versions in summary.items()
            if "/repos/" in full
        }

    def install_model(self, tool):
        """Install the base model of the tests with the data manager; tool: its id.

        Raises SetupError when the table does not have it afterwards.
        """
        history = self.client.histories.create_history("base model")["id"]
        (archive,) = galaxy_server.upload(self.client, history, [MODEL])
        inputs = {
            "model|source": "archive",
            "model|archive": {"src": "hda", "id": archive},
            "model|model_id": MODEL_ID,
            "label": MODEL_LABEL,
        }
        job = self.client.tools.run_tool(history, tool, inputs)["jobs"][0]["id"]
        started = time.time()
        while (state := self.client.jobs.get_state(job)) not in ("ok", "error"):
            if time.time() - started > LONGEST_JOB:
                raise SetupError(f"the data manager did not end: {state}; Galaxy's log: {self.server.log}")
            time.sleep(2)
        rows = self.table("huggingface")
        if not any(MODEL_ID in row for row in rows):
            shown = self.client.jobs.show_job(job, full_details=True)
            raise SetupError(f"the data manager installed no model ({state}): {rows}\n{shown.get('stderr')}")
        say(f"the data manager installed {MODEL_ID}")

    def table(self, name):
        """The rows of a data table."""
        return galaxy_server.get(self.client, f"tool_data/{name}").json()["fields"]
