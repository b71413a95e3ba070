#!/usr/bin/env python3
"""Fine-tune a pretrained DNA language model with LoRA."""

from dna_lm.command import run

if __name__ == "__main__":
    run("finetune")
