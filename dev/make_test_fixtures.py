"""Make the small files in test-data that are not real data: hand-made tables, a random model, adapters, broken files.

    python dev/make_test_fixtures.py        # with the Python of the tools environment

The adapters belong to the base models of this checkout: make them again when the built-in model changes.
"""

import gzip
import os
import random
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import pandas as pd

PROJECT = Path(__file__).resolve().parent.parent
TEST_DATA = PROJECT / "test-data"
RANDOM_MODEL = TEST_DATA / "tiny-random"


def make_unclean_tables() -> None:
    """Twenty records: sixteen clean ones, a copy, a reverse-complement copy, and a sequence with both labels."""
    clean = [f"{a}{b}GATTACAC{b}{c}" for a in "ACGT" for b in "CT" for c in "AG"]
    rows = [(f"s{number}", "yes" if number % 2 else "no", dna) for number, dna in enumerate(clean, start=1)]
    rows.append(("copy", rows[0][1], rows[0][2].lower()))
    rows.append(("other_strand", rows[1][1], rows[1][2].translate(str.maketrans("ACGT", "TGCA"))[::-1]))
    rows += [("unclear1", "yes", "AAAACCCCGGGG"), ("unclear2", "no", "CCCCGGGGTTTT")]
    table = pd.DataFrame(rows, columns=["name", "bound", "dna"])
    table.to_csv(TEST_DATA / "unclean.csv", index=False)
    tabular = table.to_csv(index=False, sep="\t")
    (TEST_DATA / "unclean.tabular").write_text(tabular)
    (TEST_DATA / "unclean.tabular.gz").write_bytes(gzip.compress(tabular.encode(), mtime=0))


def make_annotated_tables() -> None:
    """Sixty records with chromosomes, donors and splits: all that cleaning mends, and a leak (test-data/README.md)."""
    numbers = random.Random(1)
    sites = ["".join(numbers.choices("ACGT", weights=(3, 2, 2, 3) if n % 2 else (2, 3, 3, 2), k=60)) for n in range(60)]
    sites[0] = sites[0].lower()
    sites[2] = sites[2].replace("T", "U")
    sites[4] = "N" * 12 + sites[4][12:]
    sites[6] = sites[6][:30] + "R" + sites[6][31:]
    sites[8] = sites[8][:50]
    sites[10] += sites[10][:21]
    sites[50] = sites[12][:36] + sites[50][36:]
    sites[51] = sites[13].translate(str.maketrans("ACGT", "TGCA"))[::-1]
    rows = []
    for number, site in enumerate(sites):
        chrom = "chr8" if 36 <= number < 48 else "chr9" if number >= 48 else f"chr{number % 3 + 1}"
        part = "train" if number < 40 else "validation" if number < 50 else "test"
        rows.append((f"r{number}", site, "at" if number % 2 else "gc", chrom, f"donor{number // 6}", part))
    table = pd.DataFrame(rows, columns=["name", "site", "class", "chrom", "donor", "part"])
    table.to_csv(TEST_DATA / "annotated.csv", index=False)
    table.to_csv(TEST_DATA / "annotated.tabular", index=False, header=False, sep="\t")
    for part, records in table.groupby("part"):
        records.drop(columns="part").to_csv(TEST_DATA / f"annotated_{part}.csv", index=False)


def make_new_sequences() -> None:
    """Three CTCF and three p73 peaks that are in none of train.csv, dev.csv and test.csv, in all input formats."""
    sys.path.insert(0, str(PROJECT / "scripts"))
    from dna_lm.data.fasta import read_fasta

    used = {name for split in ("train", "dev", "test") for name in pd.read_csv(TEST_DATA / f"{split}.csv")["id"]}
    parts = []
    for factor in ("CTCF", "p73"):
        peaks = read_fasta(TEST_DATA / f"{factor}.fa", factor)
        parts.append(peaks[~peaks["id"].isin(used)].head(3))
    new = pd.concat(parts)
    fasta = "".join(f">{name}\n{dna}\n" for name, dna in zip(new["id"], new["sequence"], strict=True))
    (TEST_DATA / "new.fa").write_text(fasta)
    (TEST_DATA / "new.fa.gz").write_bytes(gzip.compress(fasta.encode(), mtime=0))
    table = pd.DataFrame({"id": new["id"], "chrom": new["id"].str.split(":").str[0], "dna": new["sequence"]})
    table.to_csv(TEST_DATA / "new.csv", index=False)
    table.to_csv(TEST_DATA / "new.tabular", index=False, sep="\t")
    (TEST_DATA / "protein.fa").write_text(">not_dna\nGALA\n")


def make_hostile_tables() -> None:
    """Labels that mean something to HTML, Markdown, Galaxy, a shell and Cheetah, and ids to a spreadsheet."""
    labels = ['"><script>alert(1)</script>', "```galaxy job_parameters() ``` $(touch x) `touch x` ${x} #if"]
    for name, count, seed in (("train", 48, 1), ("dev", 24, 2)):
        numbers = random.Random(seed)
        rows = []
        for number in range(count):
            often = "AC"[number % 2]
            letters = (often if numbers.random() < 0.35 else numbers.choice("ACGT") for _ in range(40))
            rows.append(("".join(letters), labels[number % 2], f"=id{number}"))
        table = pd.DataFrame(rows, columns=["sequence", "label", "id"])
        table.to_csv(TEST_DATA / f"hostile_{name}.csv", index=False)


def make_random_model() -> None:
    """A Mixtral of a few kilobytes with random weights and one token a nucleotide, as folder and as archive."""
    import torch
    from tokenizers import Regex, Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Split
    from tokenizers.processors import TemplateProcessing
    from transformers import MixtralConfig, MixtralForCausalLM, PreTrainedTokenizerFast

    special = ["[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"]
    vocabulary = {token: number for number, token in enumerate([*special, "A", "C", "G", "T"])}
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Split(Regex("."), "isolated")
    tokenizer.post_processor = TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)])
    names = {f"{token[1:-1].lower()}_token": token for token in special}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names).save_pretrained(RANDOM_MODEL)
    torch.manual_seed(42)
    config = MixtralConfig(
        vocab_size=len(vocabulary),
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=2,
        num_local_experts=2,
        num_experts_per_tok=1,
        max_position_embeddings=512,
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=3,
    )
    MixtralForCausalLM(config).save_pretrained(RANDOM_MODEL)
    (RANDOM_MODEL / "generation_config.json").unlink(missing_ok=True)
    pack(RANDOM_MODEL, "tiny-random")


def make_kmer_model() -> None:
    """A BERT with random weights that reads 3-mers, as an archive."""
    sys.path.insert(0, str(PROJECT / "tests"))
    from tiny_models import words, write_model

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_model(folder, "bert", words(folder, 3), num_hidden_layers=1, max_position_embeddings=256)
        (folder / "generation_config.json").unlink(missing_ok=True)
        pack(folder, "tiny-3-mers")


def pack(folder: Path, name: str) -> None:
    """Write a folder of a model as an archive."""
    with zipfile.ZipFile(TEST_DATA / f"{name}.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.iterdir()):
            # A fixed date: the same files give the same archive.
            member = zipfile.ZipInfo(f"{name}/{file.name}", date_time=(2026, 1, 1, 0, 0, 0))
            member.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(member, file.read_bytes())


def make_other_targets() -> None:
    """Random sequences with any of two labels, one for each letter that is frequent, and with a number, that of G."""
    numbers = random.Random(2)
    for part, count in (("train", 80), ("dev", 40)):
        several, measured = [], []
        for number in range(1, count + 1):
            rich = [letter for letter in "AC" if numbers.random() < 0.5]
            weights = [3 if letter in rich else 1 for letter in "ACGT"]
            dna = "".join(numbers.choices("ACGT", weights=weights, k=numbers.randint(30, 40)))
            several.append((dna, ";".join(f"{letter}-rich" for letter in rich), f"{part}{number}"))
            dna = "".join(numbers.choices("ACGT", weights=(2, 2, numbers.uniform(0, 6), 2), k=40))
            measured.append((dna, f"{100 + 2.5 * dna.count('G'):g}", f"{part}{number}"))
        for name, rows in (("several", several), ("number", measured)):
            table = pd.DataFrame(rows, columns=["sequence", "label", "id"])
            table.to_csv(TEST_DATA / f"{name}_{part}.tabular", index=False, sep="\t")


def train(name: str, data: str, *options: str, base_model: str = str(RANDOM_MODEL)) -> None:
    """Train an adapter. data: the name that the train and the dev split have in common, with `{}` for the split."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [sys.executable, PROJECT / "scripts" / "finetune.py", "--base-model", base_model, "--threads", "1"]
            + [f"--{split}={TEST_DATA / data.format(split)}" for split in ("train", "dev")]
            + [f"--adapter-out={TEST_DATA / name}.safetensors", "--lora-r=4", "--epochs=10", "--experts=no", *options]
            + [f"--history-out={folder}/history", f"--plot-out={folder}/plot", f"--report-out={folder}/report"],
            check=True,
        )


def make_adapters() -> None:
    """Adapters of the built-in model, the second briefly trained; one of the random model, and one cut short;
    safetensors that are no adapter.
    """
    for name, base_model in (("adapter", "built-in"), ("adapter_tiny_random", str(RANDOM_MODEL))):
        options = ("--learning-rate=0.003", "--lora-dropout=0.05", "--strands=forward")
        train(name, "{}.csv", *options, base_model=base_model)
    options = ("--epochs=1", "--lora-r=1", "--embeddings=no", "--strands=forward")
    train("adapter_brief", "{}.csv", *options, base_model="built-in")
    whole = (TEST_DATA / "adapter_tiny_random.safetensors").read_bytes()
    (TEST_DATA / "truncated.safetensors").write_bytes(whole[: len(whole) // 2])
    shutil.copyfile(RANDOM_MODEL / "model.safetensors", TEST_DATA / "foreign.safetensors")


def make_other_adapters() -> None:
    """Adapters of the random model: LoRA for several labels, with the optimizer's state; all weights for a number; a
    briefly trained one for each of these; an ensemble of two that reads both strands.
    """
    one_strand = ("--strands=forward", "--batch-size=8")
    state = f"--state-out={TEST_DATA / 'state_several.safetensors'}"
    train("adapter_several", "several_{}.tabular", *one_strand, "--learning-rate=0.02", "--target=multi-label", state)
    train(
        "adapter_number", "number_{}.tabular", *one_strand, "--learning-rate=0.01", "--target=number", "--method=full"
    )
    brief = ("--epochs=2", "--lora-r=2", "--learning-rate=0.01")
    train("adapter_several_brief", "several_{}.tabular", *one_strand, "--target=multi-label", *brief)
    train("adapter_number_brief", "number_{}.tabular", *one_strand, "--target=number", *brief)
    train("adapter_ensemble", "{}.csv", "--learning-rate=0.01", "--max-length=202", "--runs=2", "--keep=ensemble")


def make_peft_archives() -> None:
    """PEFT's folder of an adapter as the tools export it, and one with nothing but what PEFT itself writes."""
    from dna_lm.exchange.exporting import PEFT_CONFIG, PEFT_WEIGHTS, export, zip_folder

    given = {"base_model": str(RANDOM_MODEL), "base_model_id": None, "installed": None, "progress": print}
    for name, adapter in (("peft_exported", "adapter_several"), ("peft_foreign", "adapter_tiny_random")):
        archive = TEST_DATA / f"{name}.zip"
        export(archive, action="export", adapter=str(TEST_DATA / f"{adapter}.safetensors"), member=1, **given)
        if name == "peft_foreign":
            with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(archive) as whole:
                for file in (PEFT_CONFIG, PEFT_WEIGHTS):
                    (Path(folder) / file).write_bytes(whole.read(f"adapter/{file}"))
                zip_folder(Path(folder), archive, "foreign")


def main() -> None:
    os.environ["HF_HUB_OFFLINE"] = "1"
    make_unclean_tables()
    make_annotated_tables()
    make_new_sequences()
    make_hostile_tables()
    make_random_model()
    make_kmer_model()
    make_other_targets()
    make_adapters()
    make_other_adapters()
    make_peft_archives()
    row = ["dna-lm/tiny-random", "Tiny random model (for tests)", "text-generation", "sequence", "dna_lm", "1"]
    (TEST_DATA / "huggingface.loc").write_text("\t".join([*row, "${__HERE__}/tiny-random"]) + "\n")
    for file in sorted(TEST_DATA.glob("*.*")):
        print(f"{file.stat().st_size:9,} bytes  {file.name}")


if __name__ == "__main__":
    main()
