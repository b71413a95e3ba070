"""Which networks there are, and by what a published config.json is recognized. Nothing heavy is imported here."""

import importlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from types import ModuleType
from typing import Any


@dataclass(frozen=True)
class Network:
    """A network of this folder.

    name: its model type, as adapters record it; the module with its code is called alike.
    title: how messages call it.
    classes: of its authors' code, as `file.Class`, that `auto_map` in its config.json may name.
    model_types: that its published config.json may name beside its own name; None: config.json names none.
    settings: with values that name it too, where config.json has one of its model_types and names no code.
    own_tensors: a regular expression; names of tensors that no other network of these model_types has.
    """

    name: str
    title: str
    classes: frozenset[str]
    model_types: frozenset[str | None]
    settings: tuple[tuple[str, Any], ...] = ()
    own_tensors: str = r"(?!)"

    def module(self) -> ModuleType:
        """Return its module: Config, ForPretraining, ForSequenceClassification, and what fitting.py reads of it."""
        return importlib.import_module(f".{self.name}", __package__)

    def config(self, settings: dict[str, Any]):
        """Return its settings, a transformers' PreTrainedConfig, from the content of a config.json."""
        # The last one is where its authors saved it, and PEFT would look for that on the hub.
        left_out = ("auto_map", "model_type", "_name_or_path")
        kept = {name: value for name, value in settings.items() if name not in left_out}
        return self.module().Config.from_dict(kept)


def _classes(file: str, *names: str) -> frozenset[str]:
    return frozenset(f"{file}.{name}" for name in names)


NETWORKS = (
    Network(
        name="dnabert2",
        title="DNABERT-2",
        classes=_classes("configuration_bert", "BertConfig")
        | _classes("bert_layers", "BertModel", "BertForMaskedLM", "BertForSequenceClassification"),
        model_types=frozenset({None, "bert"}),
        own_tensors=r".*\bmlp\.gated_layers\..*",
    ),
    Network(
        name="gena_lm",
        title="GENA-LM (BERT)",
        classes=_classes(
            "modeling_bert",
            "BertModel",
            "BertForMaskedLM",
            "BertForPreTraining",
            "BertForSequenceClassification",
            "BertForTokenClassification",
        ),
        model_types=frozenset({None, "bert"}),
        settings=(("pre_layer_norm", True),),
        own_tensors=r".*\bpre_attention_ln\..*",
    ),
    Network(
        name="nucleotide_transformer_v2",
        title="Nucleotide Transformer v2",
        classes=_classes("esm_config", "EsmConfig")
        | _classes(
            "modeling_esm",
            "EsmModel",
            "EsmForMaskedLM",
            "EsmForTokenClassification",
            "EsmForSequenceClassification",
        ),
        model_types=frozenset({None, "esm"}),
    ),
    Network(
        name="hyenadna",
        title="HyenaDNA",
        classes=_classes("configuration_hyena", "HyenaConfig")
        | _classes("modeling_hyena", "HyenaDNAModel", "HyenaDNAForCausalLM", "HyenaDNAForSequenceClassification"),
        model_types=frozenset(),
    ),
    Network(
        name="caduceus",
        title="Caduceus",
        classes=_classes("configuration_caduceus", "CaduceusConfig")
        | _classes("modeling_caduceus", "Caduceus", "CaduceusForMaskedLM", "CaduceusForSequenceClassification"),
        model_types=frozenset(),
    ),
)
BY_NAME = {network.name: network for network in NETWORKS}


@dataclass(frozen=True)
class Plain:
    """A model whose config.json may ask for code that it does not need: its network is one that transformers has.

    title: how messages call it.
    classes: of its authors' code, as `file.Class`, that `auto_map` in its config.json may name.
    model_type: that its config.json names; another one is refused.
    pretrained: transformers' Auto class that has each of its tensors, but those of a classifier.
    optional: names of tensors that a model may lack: heads, and what is not used; a regular expression.
    reason: why that code is not needed.
    """

    title: str
    classes: frozenset[str]
    model_type: str
    pretrained: str
    optional: str
    reason: str


PLAIN = (
    Plain(
        title="GENERator",
        classes=_classes("modeling_generator", "GENERatorForCausalLM"),
        model_type="llama",
        pretrained="AutoModelForCausalLM",
        optional=r"lm_head\.weight|score\.weight",
        reason="published tensors are those of Llama, to the byte; the class adds ways to generate sequences",
    ),
    Plain(
        title="GenomeOcean",
        classes=_classes("configuration_mistral", "MistralConfig")
        | _classes("modeling_mistral", "MistralModel", "MistralForCausalLM", "MistralForSequenceClassification"),
        model_type="mistral",
        pretrained="AutoModelForCausalLM",
        optional=r"lm_head\.weight|score\.weight",
        reason="published tensors are those of Mistral, to the byte; later revisions have no code of their own",
    ),
    Plain(
        title="DNABERT",
        classes=_classes("configuration_bert", "BertConfig")
        | _classes("dnabert_layer", "BertModel", "BertForMaskedLM", "DNABertForSequenceClassification"),
        model_type="bert",
        pretrained="AutoModelForPreTraining",
        optional=r"cls\..*|classifier\..*|bert\.pooler\..*|bert\.embeddings\.position_ids",
        reason="a BERT; its classifier differs for sequences of more than 512 k-mers alone, which are cut here",
    ),
)


def code_named(settings: dict[str, Any]) -> frozenset[str]:
    """Return the classes of its authors' code that `auto_map` names, as `file.Class`, without the repository's name."""
    named = settings.get("auto_map")
    values = named.values() if isinstance(named, dict) else [named] if named else []
    flat = [one for value in values for one in (value if isinstance(value, list) else [value]) if one is not None]
    return frozenset(str(one).rpartition("--")[2] for one in flat)


def network_of(settings: dict[str, Any]) -> Network | None:
    """Return the network that the content of a config.json names, or None; its tensors are not looked at."""
    code, model_type = code_named(settings), settings.get("model_type")
    for network in NETWORKS:
        if model_type == network.name and code <= network.classes:
            return network
        if code and code <= network.classes and model_type in network.model_types:
            return network
        if not code and _has(settings, network) and model_type in network.model_types:
            return network
    return None


def _has(settings: dict[str, Any], network: Network) -> bool:
    return bool(network.settings) and all(settings.get(name) == value for name, value in network.settings)


def network_with(tensors: Iterable[str], model_type: str | None) -> Network | None:
    """Return the network that tensors are of, by their names, or None.

    model_type: that a config.json gives, which names none of the networks.
    """
    named = list(tensors)
    for network in NETWORKS:
        own = re.compile(network.own_tensors)
        if model_type in network.model_types and any(map(own.fullmatch, named)):
            return network
    return None


def plain_of(settings: dict[str, Any]) -> Plain | None:
    """Return the model of transformers that the content of a config.json with `auto_map` names, or None."""
    code, model_type = code_named(settings), settings.get("model_type")
    if not code or network_of(settings):
        return None
    return next((one for one in PLAIN if model_type == one.model_type and code <= one.classes), None)


def register() -> None:
    """Make transformers' Auto classes know the networks; a second call does nothing."""
    from transformers import AutoConfig, AutoModelForSequenceClassification

    for network in NETWORKS:
        module = network.module()
        AutoConfig.register(network.name, module.Config, exist_ok=True)
        AutoModelForSequenceClassification.register(module.Config, module.ForSequenceClassification, exist_ok=True)
