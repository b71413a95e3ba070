"""The answers of a classifier and the gradients of what is trained, to hold two ways of computing them together."""

import torch

Found = tuple[torch.Tensor, dict[str, torch.Tensor]]


def answers_and_gradients(model: torch.nn.Module, ids: torch.Tensor, labels: list[int], pad: int) -> Found:
    logits = model(input_ids=ids, attention_mask=ids.ne(pad).long()).logits
    torch.nn.functional.cross_entropy(logits, torch.tensor(labels)).backward()
    return logits.detach(), {name: one.grad for name, one in model.named_parameters() if one.grad is not None}


def assert_same(found: Found, expected: Found) -> None:
    torch.testing.assert_close(found[0], expected[0])
    assert found[1].keys() == expected[1].keys()
    for name, gradient in expected[1].items():
        torch.testing.assert_close(found[1][name], gradient, msg=name)
