"""Which weights of a base model get LoRA matrices, and PEFT's settings for them."""

import torch
from peft import LoraConfig, TaskType
from transformers import PreTrainedModel

from ..base_models.architectures import ATTENTION, architecture
from ..errors import UserError
from ..words import AUTO, YES
from .options import LoraOptions

# PEFT settings that an adapter records; the rest are PEFT's defaults or mean nothing without their environment.
PEFT_SETTINGS = (
    "r",
    "lora_alpha",
    "lora_dropout",
    "bias",
    "target_modules",
    "target_parameters",
    "modules_to_save",
    "use_rslora",
    "use_dora",
    "fan_in_fan_out",
)


class NoTargets(UserError):
    """A model in which it is not known where LoRA's matrices are to be put; they can be named."""


def lora_config(model: PreTrainedModel, modules_to_save: list[str], options: LoraOptions) -> LoraConfig:
    """Return PEFT's settings for LoRA matrices on a classifier.

    modules_to_save: names of the modules that are trained whole, such as the head.
    Raises UserError when a target module is not in the model, or the experts cannot have what was asked for.
    """
    parameters = expert_parameters(model) if options.experts == YES else []
    if parameters and (options.lora_dropout or options.dora == YES):
        setting = "dropout of LoRA" if options.lora_dropout else "DoRA"
        raise UserError(
            f"the experts of a mixture model cannot be trained with {setting}; set "
            + ("the dropout to 0" if options.lora_dropout else "DoRA to no")
            + ", or leave the experts out"
        )
    return LoraConfig(
        task_type=TaskType.SEQ_CLS,
        r=options.lora_r,
        lora_alpha=options.lora_alpha,
        lora_dropout=options.lora_dropout,
        target_modules=_target_modules(model, options.target_modules, modules_to_save),
        target_parameters=parameters,
        modules_to_save=modules_to_save + ([embedding_module(model)] if options.embeddings == YES else []),
        bias=options.lora_bias,
        use_rslora=options.rslora == YES,
        use_dora=options.dora == YES,
    )


def embedding_module(model: PreTrainedModel) -> str:
    """Return the name of the module that holds the embeddings of the tokens, such as `embed_tokens`."""
    embeddings = model.get_input_embeddings()
    return next(path.rpartition(".")[2] for path, module in model.named_modules() if module is embeddings)


def expert_parameters(model: torch.nn.Module) -> list[str]:
    """Return the names, as PEFT's target_parameters, of the weights of a mixture's experts: 3-D, one matrix an expert.

    The router is not among them: it decides which expert sees a token, and a jump in it undoes what was learned.
    """
    return sorted(
        {
            ".".join(path.split(".")[-3:])
            for path, parameter in model.named_parameters()
            if parameter.ndim == 3 and path.split(".")[-2] == "experts"
        }
    )


def _target_modules(model: PreTrainedModel, target_modules: str, saved: list[str]) -> list[str]:
    linear = {path for path, module in model.named_modules() if _is_linear(module) and path.split(".")[0] not in saved}
    names = sorted({path.rpartition(".")[2] for path in linear})
    if target_modules == AUTO:
        chosen = sorted({*architecture(model.config.model_type).lora_targets} & {*names}) or sorted(
            {
                path.rpartition(".")[2]
                for path in linear
                if any(word in part.lower() for part in path.split(".")[:-1] for word in ATTENTION)
            }
        )
        if not names:
            raise NoTargets("the model has no linear layer beside its head; train the head alone, or all weights")
        if not chosen:
            raise NoTargets(f"no attention layer was found; name the target modules: the model has {', '.join(names)}")
        return _paths_of_ambiguous(model, chosen, linear)
    chosen = [name.strip() for name in target_modules.split(",") if name.strip()]
    for name in chosen or [""]:
        if name not in names:
            raise UserError(
                f"target module {name!r} matches no linear layer of the base model; choose from {', '.join(names)}"
            )
    return _paths_of_ambiguous(model, chosen, linear)


def _paths_of_ambiguous(model: PreTrainedModel, names: list[str], linear: set[str]) -> list[str]:
    """Return the names, but the paths of the linear layers for a name that other modules have too.

    PEFT would put matrices on everything of that name, and cannot.
    """
    others = {path.rpartition(".")[2] for path, module in model.named_modules() if not _is_linear(module)}
    paths = sorted(path for path in linear if path.rpartition(".")[2] in set(names) & others)
    return [name for name in names if name not in others] + paths


def _is_linear(module: torch.nn.Module) -> bool:
    from transformers.pytorch_utils import Conv1D

    return isinstance(module, (torch.nn.Linear, Conv1D))
