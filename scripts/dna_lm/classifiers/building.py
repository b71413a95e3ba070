"""The network: a base model with a classification head, and LoRA matrices or whatever else is trained."""

import copy
import warnings
from dataclasses import dataclass
from typing import Any

import torch
from peft import LoraConfig, PeftModel, TaskType, get_peft_model, get_peft_model_state_dict, set_peft_model_state_dict
from peft.utils import ModulesToSaveWrapper
from transformers import AutoModelForSequenceClassification, PreTrainedConfig, PreTrainedModel
from transformers.models.auto.modeling_auto import MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES

from ..adapters.dataset import Adapter, check_base_model
from ..base_models.architectures import HEADS, architecture
from ..base_models.opening import BaseModel
from ..compat import GROUPED
from ..data.targets import PROBLEM_TYPES
from ..errors import UserError
from ..networks.registry import BY_NAME
from ..speed import wanted
from ..speed.expert_lora import apply_to_tokens
from ..words import CLASSES, FULL, HEAD_ONLY, LORA
from .described_size import check_described_size
from .lora import PEFT_SETTINGS, expert_parameters, lora_config
from .options import LoraOptions
from .precision import Precision, leave_inputs, train_in_float32
from .quantization import prepare, without_head
from .trial import refused

# Kinds of numbers in which an adapter's tensors are read.
PRECISIONS = (torch.float32, torch.float16, torch.bfloat16, torch.float64)
# How adapters are applied, and trained where nothing else is asked for.
EXACT = Precision("fp32", None)
# How PEFT names the tensors of a model: what is trained without PEFT is named alike.
PREFIX = "base_model.model."


@dataclass(frozen=True)
class LoadedBase:
    """A base model with a head, before anything is put into it or trained.

    fresh: the modules beside the head that the base model has no weights for: they have to be trained.
    """

    model: PreTrainedModel
    fresh: list[str]


def new_classifier(
    base_model: BaseModel,
    outputs: int,
    pad_token_id: int,
    options: LoraOptions,
    *,
    kind: str = CLASSES,
    precision: Precision = EXACT,
    quantization: Any = None,
    loaded: LoadedBase | None = None,
) -> PreTrainedModel | PeftModel:
    """Return a base model with a fresh head, ready to train; what is trained is in float32.

    outputs: how many numbers the head gives for a sequence.
    kind: what they stand for, a Target's kind.
    precision: of the weights that are not trained, and the implementation of the attention.
    quantization: a BitsAndBytesConfig, or None.
    loaded: what load_base gave for these parameters, which is changed; without it, the base model is loaded.
    The head and the matrices come from torch's random numbers: seed them before.
    Raises UserError when transformers cannot make a classifier of the base model, weights are missing, or LoRA is asked
    for what the model has not.
    """
    loaded = loaded or load_base(
        base_model, outputs, pad_token_id, kind=kind, precision=precision, quantization=quantization
    )
    model = loaded.model
    heads = [name for name in HEADS if hasattr(model, name)]
    for name in heads:
        _reset(getattr(model, name), getattr(model.config, "initializer_range", 0.02))
    trained = sorted({*heads, *loaded.fresh})
    if options.method == LORA:
        try:
            model = _with_matrices(model, lora_config(model, trained, options))
        except UserError:
            raise
        except Exception as problem:  # whatever PEFT raises for an architecture that it does not know
            reason = f"PEFT puts no LoRA matrices on it ({problem})"
            raise refused(base_model.id, base_model.architecture, reason) from None
        whole = _whole(model)
    else:
        whole = [model] if options.method == FULL else [model.get_submodule(name) for name in trained]
        model.requires_grad_(False)
        for module in whole:
            module.requires_grad_(True)
    _ready(model, whole)
    return model


def _with_matrices(model: PreTrainedModel, config: LoraConfig) -> PeftModel:
    """Return the model with LoRA matrices; whatever PEFT raises goes through."""
    with warnings.catch_warnings():
        # That the weights of GPT-2's layers are the other way round, PEFT sees by itself, and says each time.
        warnings.filterwarnings("ignore", message="fan_in_fan_out is set to")
        return get_peft_model(model, config)


def _whole(model: PeftModel) -> list[torch.nn.Module]:
    """Return the modules that are trained whole, beside the LoRA matrices."""
    wrappers = [module for module in model.modules() if isinstance(module, ModulesToSaveWrapper)]
    return [wrapper.modules_to_save[wrapper.active_adapter] for wrapper in wrappers]


def _ready(model: torch.nn.Module, whole: list[torch.nn.Module]) -> None:
    """Let the experts' matrices see tokens, and what is trained be float32 in a model that else has shorter numbers."""
    apply_to_tokens(model)
    if all(parameter.dtype == torch.float32 for parameter in model.parameters() if parameter.is_floating_point()):
        return
    for module in whole:
        train_in_float32(module)
    leave_inputs(model)


def peft_settings(model: PreTrainedModel | PeftModel, method: str = LORA) -> dict[str, Any]:
    """Return what an adapter records of PEFT: its adapter_config.json, in values that JSON has and in a fixed order."""
    if method != LORA:
        return {"method": method}
    config = model.peft_config["default"].to_dict()
    settings = {name: config[name] for name in PEFT_SETTINGS}
    for name in ("target_modules", "target_parameters"):
        settings[name] = sorted(settings[name] or [])
    # PEFT adds the usual names of heads; only those that the model has are saved.
    settings["modules_to_save"] = sorted(
        name
        for name in set(settings["modules_to_save"])
        if any(path.endswith(name) for path, _ in model.named_modules())
    )
    return {"method": LORA, "peft_type": "LORA", "task_type": "SEQ_CLS", **settings}


def adapter_tensors(model: PreTrainedModel | PeftModel) -> dict[str, torch.Tensor]:
    """Return the trained tensors under PEFT's own names, copied."""
    if isinstance(model, PeftModel):
        return {name: tensor.detach().clone() for name, tensor in get_peft_model_state_dict(model).items()}
    return {
        PREFIX + name: parameter.detach().clone()
        for name, parameter in model.named_parameters()
        if parameter.requires_grad
    }


def load_tensors(model: PreTrainedModel | PeftModel, tensors: dict[str, torch.Tensor]) -> None:
    """Put trained tensors into a model that has the places for them (see adapter_tensors).

    Raises UserError when one is missing or to spare, has another shape, is no ordinary number or not finite.
    """
    expected = adapter_tensors(model)
    for name, tensor in expected.items():
        if name not in tensors:
            raise Misfit(f"tensor {name!r} is missing")
        given = tensors[name]
        if given.shape != tensor.shape or given.dtype not in PRECISIONS:
            raise Misfit(f"tensor {name!r} is {given.dtype} {tuple(given.shape)}, not {tuple(tensor.shape)}")
        if not torch.isfinite(given).all():
            raise Misfit(f"tensor {name!r} contains NaN or infinity")
    if surplus := sorted(set(tensors) - set(expected)):
        raise Misfit(f"tensor {surplus[0]!r} has no place in it")
    if isinstance(model, PeftModel):
        set_peft_model_state_dict(model, tensors)
        return
    places = dict(model.named_parameters())
    with torch.no_grad():
        for name, tensor in tensors.items():
            places[name.removeprefix(PREFIX)].copy_(tensor)


class Misfit(UserError):
    """An adapter that does not fit its base model; reason: why, in words that are no sentence."""

    def __init__(self, reason: str):
        super().__init__(f"the adapter does not fit the base model that it names ({reason}); train it again")
        self.reason = reason


def trained_classifier(
    base_model: BaseModel,
    adapter: Adapter,
    pad_token_id: int,
    member: int = 0,
    precision: Precision = EXACT,
    loaded: LoadedBase | None = None,
) -> PreTrainedModel:
    """Return the base model with the adapter merged into its weights, in evaluation mode.

    member: which model of an adapter that holds several, from 0. precision: float32 unless another one is given.
    loaded: see new_classifier.
    Raises UserError when the adapter belongs to another base model or its tensors do not fit.
    """
    model = fitted_classifier(
        base_model, adapter, pad_token_id, member, trainable=False, precision=precision, loaded=loaded
    )
    return (model.merge_and_unload() if isinstance(model, PeftModel) else model).eval()


def fitted_classifier(
    base_model: BaseModel,
    adapter: Adapter,
    pad_token_id: int,
    member: int = 0,
    *,
    trainable: bool,
    precision: Precision = EXACT,
    quantization: Any = None,
    loaded: LoadedBase | None = None,
) -> PreTrainedModel | PeftModel:
    """Return the base model with the adapter beside its weights, to apply it or to go on training.

    The parameters are those of new_classifier and trained_classifier.
    Raises UserError when the adapter belongs to another base model or its tensors do not fit.
    """
    model = _with_room(
        *(base_model, adapter, pad_token_id),
        trainable=trainable,
        precision=precision,
        quantization=quantization,
        loaded=loaded,
    )
    load_tensors(model, [adapter.tensors, *adapter.further][member])
    return model


def untrained_classifier(
    base_model: BaseModel, adapter: Adapter, pad_token_id: int, precision: Precision = EXACT
) -> PreTrainedModel | PeftModel:
    """Return an adapter's network as if nothing had been trained, not even the base model; ready to train.

    All weights come from torch's random numbers: seed them before. What is trained is what the adapter has tensors of.
    The parameters and the errors are those of fitted_classifier.
    """
    source, target = f"the base model {base_model.id!r}", adapter.target
    _check_architecture(base_model.architecture, source)
    config = _classifier_config(base_model, source, target.outputs, pad_token_id, target.kind)
    model = AutoModelForSequenceClassification.from_config(
        config, dtype=precision.dtype, attn_implementation=precision.attention
    )
    _set_experts(model)
    model.config.use_cache = False
    own = {name.removeprefix(PREFIX).rpartition(".")[0] for name in adapter.tensors}
    fresh = sorted(own) if adapter.peft.get("method", LORA) == HEAD_ONLY else []
    loaded = LoadedBase(model, fresh)
    return _with_room(base_model, adapter, pad_token_id, trainable=True, precision=precision, loaded=loaded)


def _with_room(
    base_model: BaseModel,
    adapter: Adapter,
    pad_token_id: int,
    *,
    trainable: bool,
    precision: Precision,
    quantization: Any = None,
    loaded: LoadedBase | None = None,
) -> PreTrainedModel | PeftModel:
    """Return the base model with the places of the adapter's tensors; parameters and errors as fitted_classifier."""
    check_base_model(adapter, base_model)
    target, method = adapter.target, adapter.peft.get("method", LORA)
    if method == LORA:
        loaded = loaded or load_base(
            *(base_model, target.outputs, pad_token_id),
            kind=target.kind,
            precision=precision,
            quantization=quantization,
        )
        needed = sorted({*loaded.fresh, *(name for name in HEADS if hasattr(loaded.model, name))})
        model = _with_places(loaded.model, adapter, trainable)
        _check_whole(model, needed)
        _ready(model, _whole(model))
    else:
        model = new_classifier(
            base_model,
            target.outputs,
            pad_token_id,
            LoraOptions(method=method),
            kind=target.kind,
            precision=precision,
            loaded=loaded,
        )
    return model


def _check_whole(model: PeftModel, needed: list[str]) -> None:
    """Raise Misfit when a module that the base model has no weights for is not among those that are trained whole.

    Adapters made elsewhere may have left it as random as it was; their random numbers are lost.
    """
    whole = [path for path, module in model.named_modules() if isinstance(module, ModulesToSaveWrapper)]
    for name in needed:
        if not any(f"{PREFIX}{name}.".startswith(f"{path}.") for path in whole):
            raise Misfit(f"it has no weights for {name}, which the base model lacks too")


def _with_places(model: PreTrainedModel, adapter: Adapter, trainable: bool) -> PeftModel:
    if adapter.peft.get("peft_type") != "LORA":
        raise Misfit(f"its type is {adapter.peft.get('peft_type')!r}, not LORA")
    try:
        # Adapters of before the experts could be trained have no target_parameters.
        settings = {"target_parameters": []} | {
            name: adapter.peft[name] for name in PEFT_SETTINGS if name != "target_parameters" or name in adapter.peft
        }
        settings = copy.deepcopy(settings)  # PEFT adds to the lists: the adapter stays as it was read
        return _with_matrices(model, LoraConfig(task_type=TaskType.SEQ_CLS, inference_mode=not trainable, **settings))
    except Exception as problem:  # whatever a damaged record makes PEFT raise
        raise Misfit(f"{type(problem).__name__}: {problem}") from None


def load_base(
    base_model: BaseModel,
    outputs: int,
    pad_token_id: int,
    *,
    kind: str = CLASSES,
    precision: Precision = EXACT,
    quantization: Any = None,
) -> LoadedBase:
    """Load the weights of a base model; the parameters and the errors are those of new_classifier."""
    source = f"the base model {base_model.id!r}"
    _check_architecture(base_model.architecture, source)
    try:
        config = _classifier_config(base_model, source, outputs, pad_token_id, kind)
        check_described_size(config, sorted(base_model.folder.glob("*.safetensors")), source)
        model, report = _open(base_model, config, precision, quantization)
    except UserError:
        raise
    except Exception as problem:  # whatever a foreign config or weights make transformers raise
        raise UserError(f"{source} cannot be loaded: {problem}") from None
    fresh = _without_weights(report)
    _check_weights(model, fresh, source)
    model.config.use_cache = False  # keys and values are for generating text
    if quantization:
        prepare(model)
    return LoadedBase(model, sorted(name for name in fresh if name.split(".")[0] not in HEADS))


def _check_architecture(name: str, source: str) -> None:
    """Raise UserError for an architecture of which no classifier is made here."""
    if name not in BY_NAME and name not in MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES:
        raise UserError(
            f"{source}: transformers has no sequence classifier for the architecture {name!r}; "
            "choose a model such as a Mixtral, Mistral, Llama, GPT-NeoX, BERT, ESM or ModernBERT"
        )
    if architecture(name).reads_padding:
        raise UserError(
            f"{source}: models of the architecture {name!r} read the padding of a batch, so that a "
            "sequence's answer depends on the sequences beside it; choose another base model"
        )


def _config(base_model: BaseModel, source: str) -> PreTrainedConfig:
    """Return the settings of the base model; raise UserError for a model with an encoder and a decoder."""
    config = base_model.config()
    if config.is_encoder_decoder:
        raise UserError(
            f"{source}: models of the architecture {base_model.architecture!r} have an encoder and a decoder, of "
            "which no classifier is made here; choose a model that has one of them, such as a BERT or a Mistral"
        )
    return config


def _classifier_config(
    base_model: BaseModel, source: str, outputs: int, pad_token_id: int, kind: str
) -> PreTrainedConfig:
    config = _config(base_model, source)
    config.num_labels = outputs
    config.pad_token_id = pad_token_id
    config.problem_type = PROBLEM_TYPES[kind]
    return config


def _open(
    base_model: BaseModel, config: PreTrainedConfig, precision: Precision, quantization: Any
) -> tuple[PreTrainedModel, dict[str, Any]]:
    """Return the classifier with the weights of the base model, and what transformers reports of its keys."""
    model, report = AutoModelForSequenceClassification.from_pretrained(
        base_model.folder,
        config=config,
        dtype=precision.dtype,
        attn_implementation=precision.attention,
        quantization_config=without_head(quantization, config) if quantization else None,
        local_files_only=True,
        trust_remote_code=False,
        use_safetensors=True,
        ignore_mismatched_sizes=True,
        output_loading_info=True,
    )
    if _set_experts(model) and not quantization:
        _let_go_of_file(model)
    return model, report


def _set_experts(model: PreTrainedModel) -> bool:
    """Compute a mixture's experts with one product for each; return whether the model has any, and it is wanted.

    With the tokens sorted, it is as fast as the loop over experts that is the default.
    """
    if not (wanted() and expert_parameters(model)):  # models without experts refuse the setting
        return False
    model.set_experts_implementation(GROUPED)
    return True


def _without_weights(report: dict[str, Any]) -> set[str]:
    """Return the paths of the modules for which the base model has no weights, or weights of another shape."""
    mismatched = {key[0] if isinstance(key, tuple) else key for key in report["mismatched_keys"]}
    return {key.rpartition(".")[0] for key in {*report["missing_keys"], *mismatched}}


def _check_weights(model: PreTrainedModel, fresh: set[str], source: str) -> None:
    """Raise UserError for weights that are missing from the base model proper, NaN or infinite.

    fresh: see _without_weights.
    """
    # What stands beside the base model proper belongs to the head, whatever it is called.
    body = sorted(name for name in fresh if name.split(".")[0] == model.base_model_prefix and "pooler" not in name)
    if body:
        raise UserError(
            f"{source} has no fitting weights for {body[0]}; is it the model that its config.json describes?"
        )
    for name, parameter in model.named_parameters():
        if parameter.is_floating_point() and not parameter.is_meta and not torch.isfinite(parameter).all():
            raise UserError(f"{source}: its weights {name} contain NaN or infinity; choose another copy of it")


def _let_go_of_file(model: PreTrainedModel) -> None:
    """Copy the weights that lie in the file, so that its other pages leave the memory: experts are copies already."""
    for parameter in model.parameters():
        if parameter.ndim < 3:
            parameter.data = parameter.data.clone()


def _reset(head: torch.nn.Module, spread: float) -> None:
    """Draw the head anew: the base model's own, if it has one, was trained for another task."""
    for module in head.modules():
        if isinstance(module, torch.nn.Linear):
            torch.nn.init.normal_(module.weight, std=spread)
            if module.bias is not None:
                torch.nn.init.zeros_(module.bias)
