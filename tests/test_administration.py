"""The administrator's guide: its snippets load and name what there is; it knows what the programs read."""

import re

import pytest
import yaml

from conftest import PROJECT
from forms import tool_names

GUIDE = (PROJECT / "docs" / "administration.md").read_text(encoding="utf-8")
TOOL_IDS = {f"dna_lm_{name}" for name in tool_names()} | {"dna_lm_install"}
# How Galaxy and its Tool Shed call a tool.
CALLED = ("{}", "toolshed.g2.bx.psu.edu/repos/dna_lm/dna_lm/{}/0.1.0+galaxy0")

CONTAINERS = {
    f"{engine}_{setting}"
    for engine in ("docker", "singularity")
    for setting in ("enabled", "volumes", "run_extra_arguments", "container_id_override")
}
PULSAR = {"default_file_action", "dependency_resolution", "outputs_to_working_directory"}
# What Galaxy 26.1's runners know of a destination.
DESTINATION = {
    "local": {"env"},
    "slurm": {"native_specification", "env"} | CONTAINERS,
    "kubernetes": {"requests_cpu", "requests_memory", "limits_memory", "env"} | CONTAINERS,
    "pulsar:PulsarREST": PULSAR | {"url", "private_token"},
    "pulsar:PulsarMQ": PULSAR | {"jobs_directory", "submit_native_specification"},
    "dynamic": {"type", "function", "rules_module", "tpv_config_files"},
}
RUNNER = {
    "local": {"workers"},
    "slurm": set(),
    "kubernetes": {
        "k8s_use_service_account",
        "k8s_namespace",
        "k8s_galaxy_instance_id",
        "k8s_persistent_volume_claims",
        "k8s_walltime_limit",
        "k8s_job_metadata",
        "k8s_node_selector",
        "k8s_tolerations",
    },
    "pulsar:PulsarREST": {"galaxy_url"},
    "pulsar:PulsarMQ": {
        "galaxy_url",
        "manager",
        "amqp_url",
        "amqp_acknowledge",
        "amqp_ack_republish_time",
        "amqp_consumer_timeout",
        "amqp_publish_retry",
        "amqp_publish_retry_max_retries",
    },
}
RULE = {"id", "if", "cores", "mem", "gpus", "scheduling"}
ENTITY = {"abstract", "inherits", "rules"} | RULE - {"id", "if"}
TAGS = {"require", "prefer", "accept", "reject"}


def blocks(kind: str) -> list[dict]:
    """Return the YAML blocks of the guide whose first line is this comment."""
    found = re.findall(r"^```yaml\n# ([^\n]+)\n(.*?)^```$", GUIDE, flags=re.MULTILINE | re.DOTALL)
    return [yaml.safe_load(text) for name, text in found if name == kind]


JOB_CONFS = blocks("job_conf.yml")


def kind(load: str) -> str:
    (found,) = [name for name in RUNNER if load.startswith(f"galaxy.jobs.runners.{name}")]
    return found


def test_every_yaml_block_says_what_it_is():
    kinds = ("job_conf.yml", "tpv_dna_lm.yml", "galaxy.yml", "Kubernetes: kubectl apply -f")
    assert GUIDE.count("```yaml") == sum(len(blocks(name)) for name in kinds)
    assert all(isinstance(block, dict) for name in kinds for block in blocks(name))


@pytest.mark.parametrize("conf", JOB_CONFS)
def test_job_configurations_name_what_there_is(conf):
    assert conf.keys() <= {"runners", "execution", "tools"}
    kinds = {name: kind(runner["load"]) for name, runner in conf["runners"].items()} | {"dynamic": "dynamic"}
    for name, runner in conf["runners"].items():
        assert runner.keys() - {"load"} <= RUNNER[kinds[name]], name
    environments = conf["execution"]["environments"]
    assert conf["execution"]["default"] in environments
    for name, environment in environments.items():
        assert environment.keys() - {"runner"} <= DESTINATION[kinds[environment["runner"]]], name
        assert all(variable.keys() == {"name", "value"} for variable in environment.get("env", [])), name
    for tool in conf.get("tools", []):
        assert tool["id"] in TOOL_IDS and tool["environment"] in environments


def test_the_first_configuration_has_every_tool():
    assert {tool["id"] for tool in JOB_CONFS[0]["tools"]} == TOOL_IDS


def test_pulsar_writes_outputs_where_it_finds_them():
    found = [
        environment
        for conf in JOB_CONFS
        for environment in conf["execution"]["environments"].values()
        if environment["runner"].startswith("pulsar")
    ]
    assert found and all(environment["outputs_to_working_directory"] is False for environment in found)


def test_rules_of_tpv_apply_to_each_tool_once():
    (rules,) = blocks("tpv_dna_lm.yml")
    assert rules.keys() == {"global", "tools", "destinations"}
    tools = rules["tools"]
    for pattern, entity in tools.items():
        assert entity.keys() <= ENTITY and entity.get("inherits", pattern) in tools
        for rule in (entity, *entity.get("rules", [])):
            assert rule.keys() <= ENTITY | RULE and rule.get("scheduling", {}).keys() <= TAGS
            if "if" in rule:
                compile(rule["if"].strip(), pattern, "eval")
            if "mem" in rule:
                assert eval(str(rule["mem"]), {"input_size": 1, "cores": 1}) > 0
    for tool in TOOL_IDS:
        for name in CALLED:
            # TPV looks whether the beginning of a tool's identifier matches; an abstract entity may not.
            matching = [pattern for pattern in tools if re.match(pattern, name.format(tool))]
            assert len(matching) == 1 and not tools[matching[0]].get("abstract"), tool
    runners = blocks("job_conf.yml")[3]["runners"]
    for destination in rules["destinations"].values():
        assert destination["runner"] in runners
        destination["params"]["native_specification"].format_map(Fields())


class Fields(dict):
    """Any expression in braces."""

    def __missing__(self, name):
        assert name.strip("(").split(" ")[0] in ("cores", "gpus", "round(mem")
        return "1"


def test_every_environment_variable_that_is_read_is_in_the_guide():
    patterns = (
        r'environ(?:\.get\(|\.setdefault\(|\[)"([A-Z_]+)"',
        r'"(DNA_LM_[A-Z]+)"',
        r'in \(\("([A-Z_]+)", "([A-Z_]+)"\), \("([A-Z_]+)", "([A-Z_]+)"\)\)',
    )
    read = set()
    for file in (PROJECT / "scripts").rglob("*.py"):
        for pattern in patterns:
            for match in re.finditer(pattern, file.read_text(encoding="utf-8")):
                read.update(match.groups())
    assert {"GALAXY_SLOTS", "GALAXY_MEMORY_MB", "DNA_LM_PROCESSES", "DNA_LM_PARALLEL", "LOCAL_RANK"} <= read
    not_from_outside = {"TOKENIZERS_PARALLELISM", "MPLBACKEND"}  # only set
    assert {name for name in read - not_from_outside if f"`{name}`" not in GUIDE} == set()
