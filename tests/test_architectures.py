"""Every architecture learns, is saved and read back, is not disturbed by padding, and knows how much it can read."""

import random

import numpy as np
import pytest
import torch
from transformers import set_seed

import tiny_models
from dna_lm.adapters.dataset import Adapter, save_adapter
from dna_lm.base_models.encoding import Encoder, warnings
from dna_lm.base_models.opening import opened_base_model
from dna_lm.classifiers.building import adapter_tensors, new_classifier, peft_settings, trained_classifier
from dna_lm.processes.inference import padded
from dna_lm.training.finetuning import finetune
from small import evaluate, lora_options, training_options, write_splits

LORA = lora_options(experts="yes")
SEQUENCES = ["ACGT", "GATTACA", "TTTTTTTTTTTT", "C", "NACGTACGTACGTACGTACGN"]
STEPS = 10
# What a model of 64 positions reads: some never use the first ones. The pad token is number 0.
READS = {"esm": 63, "roberta": 63, "mpnet": 62}


@pytest.fixture(scope="module", params=tiny_models.ARCHITECTURES)
def base(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param) / "model"
    tiny_models.write_model(folder, request.param, tiny_models.letters(folder))
    with opened_base_model(str(folder)) as opened:
        yield opened


def classifier(base):
    set_seed(0)
    return new_classifier(base, 2, Encoder(base, 50).tokenizer.pad_token_id, LORA)


def logits(model, base, sequences, together=True) -> torch.Tensor:
    """The model's answers, to all sequences in one padded batch or to each on its own."""
    encoder = Encoder(base, 1000)
    tokens = encoder.encode(sequences).tokens
    answers = []
    for batch in [tokens] if together else [[ids] for ids in tokens]:
        ids, mask = padded(batch, encoder.tokenizer.pad_token_id)
        answers.append(model(input_ids=ids, attention_mask=mask).logits)
    return torch.cat(answers)


def toy_task(count: int) -> tuple[list[str], torch.Tensor]:
    """Sequences of 10 to 20 letters, of which the first class has mostly A and the other one mostly C."""
    numbers = random.Random(1)
    sequences = [
        "".join(numbers.choices("ACGT", [7, 1, 1, 1] if one % 2 else [1, 7, 1, 1], k=numbers.randint(10, 20)))
        for one in range(count)
    ]
    return sequences, torch.arange(count) % 2


@pytest.fixture(scope="module")
def trained(base):
    """A classifier after some steps of gradient descent, the losses, and the gradients that its parameters got."""
    model = classifier(base).eval()  # without dropout, so that the loss falls for one reason only
    sequences, labels = toy_task(24)
    parameters = {name: one for name, one in model.named_parameters() if one.requires_grad}
    optimizer = torch.optim.SGD(parameters.values(), lr=0.1, momentum=0.9)
    losses, seen = [], dict.fromkeys(parameters, 0.0)
    for _ in range(STEPS):
        loss = torch.nn.functional.cross_entropy(logits(model, base, sequences), labels)
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters.values(), 1.0)
        for name, one in parameters.items():
            if one.grad is not None:
                seen[name] = max(seen[name], one.grad.abs().max().item())
        optimizer.step()
    return model, losses, seen


def test_it_learns(trained):
    _, losses, _ = trained
    assert losses[-1] < 0.8 * losses[0], losses


def test_every_matrix_and_the_head_are_trained(trained):
    _, _, seen = trained
    assert {name for name, largest in seen.items() if largest == 0} == set()
    assert any("lora_A" in name for name in seen)
    assert any("lora_" not in name for name in seen)


def test_padding_is_not_seen(trained, base):
    model, _, _ = trained
    with torch.no_grad():
        together, alone = (logits(model, base, SEQUENCES, together) for together in (True, False))
    assert (together - alone).abs().max() < 1e-4
    assert np.ptp(alone[:, 0].numpy()) > 0.01  # the comparison is not one of constants


def test_the_adapter_answers_as_the_trained_model(trained, base):
    model, _, _ = trained
    adapter = Adapter(
        tensors=adapter_tensors(model),
        peft=peft_settings(model),
        base_model=base.identity(),
        task={"labels": ["a", "b"], "max_length": 50},
        training={},
    )
    again = trained_classifier(base, adapter, Encoder(base, 50).tokenizer.pad_token_id)
    with torch.no_grad():
        assert (logits(again, base, SEQUENCES) - logits(model, base, SEQUENCES)).abs().max() < 1e-4


def test_it_reads_as_far_as_its_positions_and_says_so(trained, base):
    model, _, _ = trained
    encoder = Encoder(base, 1000)
    expected = READS.get(base.architecture, 64)
    encoded = encoder.encode(["ACGT" * 50, "ACGT"])
    assert (encoder.model_limit, encoder.max_length, encoded.reading.cut) == (expected, expected, 1)
    assert warnings(encoded.reading, encoder, "the input") == [
        f"the input: 1 of 2 sequences are longer than {expected} tokens and lose their end; the base model reads no "
        "more, so cut the sequences around their center"
    ]
    with torch.no_grad():
        assert torch.isfinite(logits(model, base, ["ACGT" * 50, "ACGT"])).all()


# --- what is scored in training is what is applied -------------------------------------------------------------------

# Settings of a tokenizer that would change how it pads: it is never asked to.
TOKENIZERS = {
    "as it is": {},
    "no mask": {"model_input_names": ["input_ids"]},
    "on the left": {"padding_side": "left"},
}


@pytest.mark.parametrize(
    ("architecture", "tokenizer"),
    [
        *((architecture, "as it is") for architecture in tiny_models.ARCHITECTURES),
        *((architecture, kind) for architecture in ("bert", "llama") for kind in ("no mask", "on the left")),
    ],
)
def test_scores_of_the_kept_epoch_are_those_of_evaluate(architecture, tokenizer, tmp_path):
    folder = tmp_path / "model"
    tiny_models.write_model(folder, architecture, tiny_models.letters(folder, **TOKENIZERS[tokenizer]))
    splits = write_splits(tmp_path, ["no", "yes"])
    options = {"base_model": str(folder), "learning_rate": 0.01, "epochs": 2, "strands": "both"}
    result = finetune(training_options(train=splits["train"], dev=splits["dev"], **options), lambda _: None)
    save_adapter(result.adapter, tmp_path / "adapter")
    scores = evaluate(
        base_model=str(folder),
        base_model_id=None,
        adapter=str(tmp_path / "adapter"),
        data=splits["dev"],
        seen_data="allow",
        batch_size=8,
        progress=lambda _: None,
    ).scores
    (kept,) = result.history[result.history["kept"] == "yes"].to_dict("records")
    found = {f"dev_{name}": scores[name] for name in ("loss", "accuracy", "mcc", "roc_auc")}
    assert found == pytest.approx({name: kept[name] for name in found}, abs=1e-5)


@pytest.mark.parametrize("architecture", ["bert", "llama"])
def test_settings_of_the_tokenizer_change_nothing_of_the_training(architecture, tmp_path):
    splits, tensors = write_splits(tmp_path, ["no", "yes"]), []
    for kind, settings in TOKENIZERS.items():
        folder = tmp_path / kind
        tiny_models.write_model(folder, architecture, tiny_models.letters(folder, **settings))
        options = training_options(base_model=str(folder), train=splits["train"], dev=splits["dev"], epochs=1)
        tensors.append(finetune(options, lambda _: None).adapter.tensors)
    for other in tensors[1:]:
        assert all(torch.equal(tensor, other[name]) for name, tensor in tensors[0].items())
