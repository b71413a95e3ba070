"""The check of what the tools do on a GPU, where there is none."""

import sys

import pytest
import torch

from dev import gpu_check


def test_without_a_gpu_it_says_so(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["gpu_check.py"])
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    gpu_check.main()
    assert capsys.readouterr().out == "There is no GPU that PyTorch can use: nothing was tried.\n"


def test_a_tool_that_fails_is_a_row_that_fails(tmp_path, monkeypatch):
    checks = gpu_check.Checks(tmp_path, rows=8, gpus=0)
    row = checks._guarded(gpu_check.Row("x", "fp32"), checks._trained_and_applied, str(tmp_path / "nothing"), [])
    assert row.failed and "finetune ended with 2: error: " in row.result and "there is no" in row.result
    assert "| FAILED: finetune" in str(row)


def test_predictions_that_differ_are_a_row_that_fails(tmp_path, monkeypatch):
    checks = gpu_check.Checks(tmp_path, rows=8, gpus=0)
    history = gpu_check.pd.DataFrame({"dev_loss": [0.7, 0.6]})
    monkeypatch.setattr(checks, "_finetuned", lambda *_: history)
    found = iter([gpu_check.pd.Series([0.5, 0.25]), gpu_check.pd.Series([0.5, 0.26])])
    monkeypatch.setattr(checks, "_predicted", lambda *_: next(found))
    row = checks._guarded(gpu_check.Row("x", "fp32"), checks._trained_and_applied, "model", [])
    assert row.failed and row.result == "dev loss 0.6000; GPU and CPU differ by 0.01"


@pytest.mark.parametrize("folder", ["dnabert2", "hyenadna"])
def test_models_are_copied_without_what_was_recorded(tmp_path, folder):
    checks = gpu_check.Checks(tmp_path, rows=8, gpus=0)
    copied = checks._copied(gpu_check.PROJECT / "tests" / "architectures" / folder)
    assert {"config.json", "model.safetensors"} <= {path.name for path in copied.iterdir()}
    assert not (copied / "expected.safetensors").exists()
