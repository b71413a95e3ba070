"""Private and undocumented names of other packages stand in compat.py alone, and the installed versions have them."""

import ast
import inspect
import sys
from argparse import Namespace

import pytest
import torch
from torch.nn.parallel import DistributedDataParallel

from dev.structure.rooms import LIBRARY
from dna_lm import compat

PACKAGES = ("torch", "transformers", "peft", "accelerate", "huggingface_hub", "tokenizers", "safetensors")
# Names that look public and stand in no documentation.
UNDOCUMENTED = {"http_get", "support_avx512bf16_for_cpu"}


def private(text: str) -> bool:
    return text in UNDOCUMENTED or (text.startswith("_") and not text.startswith("__"))


def private_names(path) -> set[str]:
    """The private and undocumented attributes that a module asks of what is not its own, and those that it imports."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    own = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    own |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)}
    own -= UNDOCUMENTED
    fields = [
        node.target.id for node in ast.walk(tree) if isinstance(node, ast.AnnAssign) and hasattr(node.target, "id")
    ]
    asked = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and private(node.attr) and node.attr not in {*own, *fields}
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module.split(".")[0] in PACKAGES:
            asked |= {name for name in (*node.module.split("."), *(one.name for one in node.names)) if private(name)}
    return asked


def test_no_other_module_uses_private_names_of_other_packages():
    found = {path.name: private_names(path) for path in LIBRARY.rglob("*.py") if path.name != "compat.py"}
    assert {name: names for name, names in found.items() if names} == {"together.py": {"_exit"}}  # of os, documented


def test_what_is_looked_for_is_found():
    assert private_names(LIBRARY / "compat.py") >= {
        "_grouped_linear",
        "_apply_gate",
        "_is_amx_tile_supported",
        *UNDOCUMENTED,
    }


def test_a_layer_of_bitsandbytes_keeps_its_weights():
    layer, other = Namespace(support_avx512bf16_for_cpu=True), Namespace()
    for module in (layer, other):
        compat.keep_weights_as_quantized(module)
    assert layer.support_avx512bf16_for_cpu is False and not vars(other)


def test_the_hubs_client_takes_what_it_is_given():
    from huggingface_hub.file_download import http_get

    assert {"resume_size", "headers", "expected_size"} <= inspect.signature(http_get).parameters.keys()


def test_the_processor_says_whether_it_has_bf16():
    assert compat.cpu_computes_bf16() in (True, False)


@pytest.mark.parametrize("transposed", [False, True])
def test_a_grouped_product_is_a_product_for_each_expert(transposed):
    values, weight = torch.randn(5, 4), torch.randn(2, 8, 4)
    ends = torch.tensor([2, 5], dtype=torch.int32)
    given = weight.transpose(1, 2).contiguous() if transposed else weight
    found = compat.grouped_product(values, given, ends, None, transposed)
    assert torch.allclose(found, torch.cat([values[:2] @ weight[0].T, values[2:] @ weight[1].T]), atol=1e-6)


def test_experts_of_a_mixture_are_known_by_their_implementation():
    from transformers import MixtralConfig
    from transformers.models.mixtral.modeling_mixtral import MixtralExperts

    config = MixtralConfig(hidden_size=4, intermediate_size=4, num_local_experts=2)
    config._experts_implementation = compat.GROUPED
    experts = MixtralExperts(config)
    assert compat.are_grouped(experts) and compat.gated(experts, torch.ones(1, 8)).shape == (1, 4)
    config._experts_implementation = "eager"
    assert not compat.are_grouped(experts) and not compat.are_grouped(torch.nn.Linear(2, 2))


def test_peft_says_how_its_matrices_lie():
    from peft.tuners.lora.layer import ParamWrapper

    assert "_did_swap_in_out_features" in inspect.getsource(ParamWrapper)


def test_models_name_their_layers_and_ddp_leaves_out_what_it_is_told():
    from transformers import MixtralForSequenceClassification

    assert compat.names_of_layers(MixtralForSequenceClassification) == {"MixtralDecoderLayer"}
    assert compat.names_of_layers(torch.nn.Linear(1, 1)) == set()
    model = torch.nn.Linear(2, 2)
    compat.keep_from_ddp(model, ["bias"])
    assert "_ddp_params_and_buffers_to_ignore" in inspect.getsource(DistributedDataParallel)
    assert model._ddp_params_and_buffers_to_ignore == ["bias"]


def test_a_package_is_left_out_for_a_while():
    with compat.left_out("colorsys_of_nobody"), pytest.raises(ImportError):
        import colorsys_of_nobody  # noqa: F401
    assert "colorsys_of_nobody" not in sys.modules
    with compat.left_out("json"):
        import json
    assert sys.modules["json"] is json
