"""The last layer of a decoder, computed only for the token whose state the head reads.

transformers' sequence classifiers of decoders read the last hidden state of one token of each sequence: the last one
that is no padding. What the last layer makes of the other tokens is thrown away, but for their keys and values, which
that one token attends to. So the layer's other products are left out for them, which changes no answer and no gradient.
"""

from typing import Any

import torch
from peft import PeftModel
from transformers import PreTrainedModel
from transformers.modeling_layers import GenericForSequenceClassification

from ..base_models.architectures import architecture

# The modules of a layer that are not needed for other tokens; each sees every token on its own. Queries of other tokens
# become those of zeros.
MODULES = ("self_attn.q_proj", "self_attn.o_proj", "mlp")


def skip_other_tokens(model: PreTrainedModel | PeftModel) -> None:
    """Let the last layer of a classifier compute only what its answers depend on, if its architecture is known here.

    The hidden states of the other tokens that the model gives besides its answers are then of no use.
    """
    classifier = model.get_base_model() if isinstance(model, PeftModel) else model
    if (
        not isinstance(classifier, GenericForSequenceClassification)
        or not architecture(classifier.config.model_type).like_llama
    ):
        return
    decoder = classifier.base_model
    pooled = _Pooled(classifier.config.pad_token_id)
    decoder.register_forward_pre_hook(pooled.note, with_kwargs=True)
    for name in MODULES:
        module = decoder.layers[-1].get_submodule(name)
        module.forward = pooled.only(module.forward)


class _Pooled:
    """Which token of each sequence of the batch at hand is read."""

    def __init__(self, pad_token_id: int):
        self._pad, self._tokens = pad_token_id, None

    def note(self, decoder: torch.nn.Module, given: tuple, named: dict[str, Any]) -> None:
        """Find the tokens as GenericForSequenceClassification does; called before each forward pass of the decoder."""
        ids = given[0] if given else named.get("input_ids")
        # When a layer is computed anew for its gradients, the tokens may be of another batch.
        if ids is None or (decoder.training and decoder.layers[-1].gradient_checkpointing):
            self._tokens = None
        else:
            positions = (torch.arange(ids.shape[1], device=ids.device) * (ids != self._pad)).argmax(dim=1)
            self._tokens = torch.arange(len(ids), device=ids.device), positions

    def only(self, forward: Any) -> Any:
        """Return a module's forward pass that computes these tokens and gives zeros for the others."""

        def of_pooled(values: torch.Tensor) -> torch.Tensor:
            if self._tokens is None:
                return forward(values)
            found = forward(values[self._tokens].unsqueeze(1))
            result = found.new_zeros(*values.shape[:2], found.shape[2])
            result[self._tokens] = found[:, 0]
            return result

        return of_pooled
