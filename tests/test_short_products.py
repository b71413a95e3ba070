"""Products of matrices in short numbers."""

import pytest
import torch
from transformers import AutoConfig, AutoModelForSequenceClassification

from dna_lm.classifiers import short_products
from dna_lm.classifiers.short_products import shorten_products
from test_expert_lora import MODELS, SMALL, TOKENS
from tiny_models import write_model


@pytest.mark.parametrize("architecture", ["llama", "bert", "modernbert", "gpt2", "mixtral"])
def test_short_products_hardly_move_other_architectures(tmp_path, architecture):
    write_model(tmp_path, architecture, vocabulary=12)
    ids = torch.tensor([[2, 5, 6, 7, 8, 9, 3], [2, 7, 7, 5, 6, 5, 3]])
    logits = []
    for change in (lambda model: model, lambda model: shorten_products(model, torch.bfloat16)):
        torch.manual_seed(0)
        model = AutoModelForSequenceClassification.from_pretrained(tmp_path, num_labels=2, pad_token_id=0).eval()
        with torch.inference_mode():
            logits.append(change(model)(input_ids=ids, attention_mask=torch.ones_like(ids)).logits)
    assert logits[1].dtype == torch.float32
    assert (logits[1] - logits[0]).abs().max() < 0.05


@pytest.mark.parametrize("rows", [1, 4, 64])
@pytest.mark.parametrize("name", MODELS)
def test_experts_with_tokens_filled_up_give_what_transformers_does(monkeypatch, name, rows):
    monkeypatch.setattr(short_products, "_ROWS", rows)
    architecture, settings = MODELS[name]
    torch.manual_seed(0)
    config = AutoConfig.for_model(architecture, num_labels=2, **SMALL | settings)
    model = AutoModelForSequenceClassification.from_config(config, attn_implementation="eager").eval()
    model.set_experts_implementation("grouped_mm")
    forwards = {path: part.forward for path, part in model.named_modules() if path.endswith(".experts")}
    with torch.inference_mode():
        for parameter in model.parameters():
            parameter.normal_(std=0.3)
        expected = model(input_ids=TOKENS, attention_mask=TOKENS.ne(0).long()).logits
        shorten_products(model, torch.float32)  # as long as before: the steps alone are looked at
        found = model(input_ids=TOKENS, attention_mask=TOKENS.ne(0).long()).logits
    assert forwards
    assert all(model.get_submodule(path).forward != forward for path, forward in forwards.items())
    assert torch.allclose(found, expected, rtol=1e-5, atol=1e-5)
