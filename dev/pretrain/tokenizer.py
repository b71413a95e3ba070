"""The byte-pair tokenizer of the built-in model: upper-case A, C, G, T; all else is [UNK]."""

import random

from tokenizers import Tokenizer, decoders, models, processors, trainers
from transformers import PreTrainedTokenizerFast

from dev.pretrain.corpus import reverse_complement

SPECIALS = ["[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"]  # ids 0 to 4, as in other DNA language models
TRAINING_PIECES = 800  # a few million bases: more does not change the vocabulary to speak of, and takes minutes


def train_tokenizer(pieces: list[str], vocabulary: int, seed: int) -> PreTrainedTokenizerFast:
    """Learn a byte-pair encoding from a sample of the pieces, both strands of each.

    vocabulary: number of tokens, special ones included.
    Encoding gives `[CLS] tokens [SEP]`. Two runs with the same arguments give the same tokenizer.
    """
    sample = random.Random(seed).sample(pieces, min(TRAINING_PIECES, len(pieces)))
    sample += [reverse_complement(piece) for piece in sample]
    bpe = Tokenizer(models.BPE(unk_token="[UNK]"))
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary, special_tokens=SPECIALS, initial_alphabet=list("ACGT"), show_progress=False
    )
    bpe.train_from_iterator(sample, trainer)
    bpe.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(token, SPECIALS.index(token)) for token in ("[CLS]", "[SEP]")],
    )
    bpe.decoder = decoders.Fuse()  # no blanks between tokens
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        pad_token="[PAD]",
        mask_token="[MASK]",
        bos_token="[CLS]",
        eos_token="[SEP]",
        padding_side="right",
        truncation_side="right",
        model_max_length=512,
        model_input_names=["input_ids", "attention_mask"],  # Mixtral takes no token types
    )
