"""The published DNA language models that this project knows of: what each is, its license, and what was tried here.

The table in docs/models.md and the options of the data manager's form are made from this list by dev/models/lists.py.
There was no access to the hub when it was written: the facts are from the authors' pages and code and from other
projects' records of the files, and `unconfirmed` says what could not be found there. Nothing heavy is imported here.
"""

from dataclasses import dataclass

from ..networks.registry import BY_NAME

SAFETENSORS, PICKLE = "safetensors", "pickle"
BYTE_PAIRS, SINGLE = "byte pairs", "single nucleotides"
SIX_MERS, THREE_MERS = "6-mers side by side", "3-mers side by side"
# What was tried here. No published weights could be downloaded.
AUTHORS_WEIGHTS = "weights as fine-tuned by the author"
RANDOM_WEIGHTS = "random weights of the published size"
TINY_WEIGHTS = "architecture only"
NOTHING = "no"

# What models need that transformers does not have: a network or a tokenizer, code in their settings that is known to be
# harmless, and the conversion of pickles at the installation.
NEEDS = {
    "caduceus": "network",
    "dnabert2": "network",
    "gena_lm": "network",
    "hyenadna": "network",
    "nucleotide_transformer_v2": "network",
    "plant_caduceus": "network and tokenizer",
    "plant_nucleotide_transformer": "tokenizer",
    "generator": "code named in its settings",
    "genomeocean": "code named in its settings",
    "pickle": "weights only as a pickle",
}
# What of that is here, beside the networks. After a change, of the networks too: python dev/models/lists.py.
AVAILABLE: frozenset[str] = frozenset({"generator", "genomeocean", PICKLE})


@dataclass(frozen=True)
class KnownModel:
    """A published model.

    repository: OWNER/NAME on the hub. commit: the one that the facts are of, as far as it is known; may be empty.
    title: its name without the size. organisms: whose DNA it was pretrained on. parameters: how many, rounded.
    architecture: the model type that adapters record. tokens: how it reads DNA.
    longest_tokens, longest_nucleotides: of a sequence, the latter about; None if there is no limit, or it is not known.
    license: its SPDX identifier; empty if it is not stated, or could not be confirmed.
    weights: SAFETENSORS or PICKLE. needs: what of NEEDS; a pickle's conversion follows from `weights`.
    tried: what was tried here. unconfirmed: what is not known for sure; may be empty.
    """

    repository: str
    title: str
    organisms: str
    parameters: int
    architecture: str
    tokens: str
    longest_tokens: int | None
    longest_nucleotides: int | None
    license: str
    weights: str = SAFETENSORS
    commit: str = ""
    needs: tuple[str, ...] = ()
    tried: str = NOTHING
    unconfirmed: str = ""

    @property
    def missing(self) -> list[str]:
        """What it needs that is not here yet."""
        needs = (*self.needs, *((PICKLE,) if self.weights == PICKLE else ()))
        return [need for need in needs if need not in AVAILABLE and need not in BY_NAME]

    @property
    def size(self) -> str:
        """Its number of parameters, as names of models have it."""
        for unit, letter in ((10**9, "B"), (10**6, "M")):
            if self.parameters >= unit:
                return f"{self.parameters / unit:.3g}{letter}"
        return f"{self.parameters / 1000:.3g}k"

    @property
    def name(self) -> str:
        """What users see: name, size and organisms."""
        return f"{self.title} {self.size}, {self.organisms}"


_APACHE, _MIT, _BSD, _CC_NC = "Apache-2.0", "MIT", "BSD-3-Clause", "CC-BY-NC-SA-4.0"
_TAG, _LENGTH, _FILES = "license", "longest sequence", "whether there are safetensors"


def _mistral_dna(name: str, parameters: int, **facts) -> KnownModel:
    given = {"longest_tokens": None, "longest_nucleotides": None, "license": _APACHE, "unconfirmed": _LENGTH}
    return KnownModel(
        repository=f"RaphaelMourad/Mistral-DNA-v1-{name}-hg38",
        title="Mistral-DNA",
        organisms="human",
        parameters=parameters,
        architecture="mixtral",
        tokens=BYTE_PAIRS,
        **(given | facts),
    )


def _nucleotide_transformer(name: str, organisms: str, parameters: int, **facts) -> KnownModel:
    given = {"title": "Nucleotide Transformer", "architecture": "esm", "tokens": SIX_MERS}
    given |= {"longest_tokens": 1000, "longest_nucleotides": 6000}
    return KnownModel(
        repository=f"InstaDeepAI/nucleotide-transformer-{name}",
        organisms=organisms,
        parameters=parameters,
        license=_CC_NC,
        **(given | facts),
    )


def _nt_v2(name: str, parameters: int, **facts) -> KnownModel:
    given = {
        "title": "Nucleotide Transformer v2",
        "architecture": "nucleotide_transformer_v2",
        "needs": ("nucleotide_transformer_v2",),
    }
    given |= {"tried": TINY_WEIGHTS}
    given |= {"longest_tokens": 2047, "longest_nucleotides": 12_282}
    return _nucleotide_transformer(f"v2-{name}-multi-species", "850 species", parameters, **(given | facts))


def _hyenadna(name: str, parameters: int, length: int, **facts) -> KnownModel:
    return KnownModel(
        repository=f"LongSafari/hyenadna-{name}-hf",
        title=f"HyenaDNA {name.replace('-seqlen', '')}",
        organisms="human",
        parameters=parameters,
        architecture="hyenadna",
        tokens=SINGLE,
        longest_tokens=length,
        longest_nucleotides=length,
        license=_BSD,
        needs=("hyenadna",),
        tried=TINY_WEIGHTS,
        **facts,
    )


def _gena_lm(name: str, organisms: str, parameters: int, **facts) -> KnownModel:
    given = {"weights": PICKLE, "unconfirmed": "license: its page has no tag, its code is MIT"}
    return KnownModel(
        repository=f"AIRI-Institute/gena-lm-bert-{name}",
        title=f"GENA-LM {name}",
        organisms=organisms,
        parameters=parameters,
        architecture="gena_lm",
        tokens=BYTE_PAIRS,
        longest_tokens=512,
        longest_nucleotides=4500,
        license="",
        needs=("gena_lm",),
        tried=TINY_WEIGHTS,
        **(given | facts),
    )


def _caduceus(kind: str, name: str, parameters: int, length: int, license: str, **facts) -> KnownModel:
    return KnownModel(
        repository=f"kuleshov-group/caduceus-{kind}_seqlen-{name}",
        title=f"Caduceus-{kind.title() if kind == 'ph' else 'PS'}",
        organisms="human",
        parameters=parameters,
        architecture="caduceus",
        tokens=SINGLE,
        longest_tokens=length,
        longest_nucleotides=length,
        license=license,
        needs=("caduceus",),
        tried=TINY_WEIGHTS,
        **facts,
    )


def _plant_caduceus(layers: int, parameters: int, **facts) -> KnownModel:
    return KnownModel(
        repository=f"kuleshov-group/PlantCaduceus_l{layers}",
        title="PlantCaduceus",
        organisms="16 flowering plants",
        parameters=parameters,
        architecture="caduceus",
        tokens=SINGLE,
        longest_tokens=512,
        longest_nucleotides=512,
        license=_APACHE,
        weights=PICKLE,
        needs=("plant_caduceus",),
        **facts,
    )


def _generator(name: str, organisms: str, parameters: int, **facts) -> KnownModel:
    given = {"license": _MIT}
    return KnownModel(
        repository=f"GenerTeam/GENERator-{name}-base",
        title="GENERator v2" if name.startswith("v2") else "GENERator",
        organisms=organisms,
        parameters=parameters,
        architecture="llama",
        tokens=SIX_MERS,
        longest_tokens=16_384,
        longest_nucleotides=98_304,
        needs=("generator",),
        tried=TINY_WEIGHTS,
        **(given | facts),
    )


def _genomeocean(repository: str, parameters: int, tokens: int, nucleotides: int, **facts) -> KnownModel:
    return KnownModel(
        repository=repository,
        title="GenomeOcean",
        organisms="metagenomes",
        parameters=parameters,
        architecture="mistral",
        tokens=BYTE_PAIRS,
        longest_tokens=tokens,
        longest_nucleotides=nucleotides,
        license=_BSD,
        needs=("genomeocean",),
        tried=TINY_WEIGHTS,
        **facts,
    )


def _dnabert2(name: str, organisms: str, commit: str) -> KnownModel:
    return KnownModel(
        repository=f"zhihan1996/{name}",
        title="DNABERT-S" if name.endswith("-S") else "DNABERT-2",
        organisms=organisms,
        parameters=117_000_000,
        architecture="dnabert2",
        tokens=BYTE_PAIRS,
        longest_tokens=None,
        longest_nucleotides=None,
        license=_APACHE,
        weights=PICKLE,
        commit=commit,
        needs=("dnabert2",),
        tried=TINY_WEIGHTS,
    )


def _plant(name: str, title: str, parameters: int, architecture: str, tokens: str, **facts) -> KnownModel:
    given = {"license": _CC_NC, "unconfirmed": _LENGTH, "tried": TINY_WEIGHTS}
    return KnownModel(
        repository=f"zhangtaolab/plant-{name}",
        title=title,
        organisms="plants",
        parameters=parameters,
        architecture=architecture,
        tokens=tokens,
        longest_tokens=None,
        longest_nucleotides=None,
        **(given | facts),
    )


_MODELS = (
    _caduceus(
        *("ph", "1k_d_model-118_n_layer-4_lr-8e-3", 470_000, 1024, ""),
        unconfirmed="license: its page has no tag, its code is Apache-2.0",
    ),
    _caduceus(
        *("ph", "1k_d_model-256_n_layer-4_lr-8e-3", 1_900_000, 1024, ""),
        commit="9865108985311772704c2ece0bac082153a6167b",
        unconfirmed="license: its page has no tag, its code is Apache-2.0",
    ),
    _caduceus("ph", "131k_d_model-256_n_layer-16", 7_700_000, 131_072, _APACHE),
    _caduceus(
        *("ps", "1k_d_model-118_n_layer-4_lr-8e-3", 470_000, 1024, ""),
        unconfirmed="license: its page has no tag, its code is Apache-2.0",
    ),
    _caduceus(
        *("ps", "1k_d_model-256_n_layer-4_lr-8e-3", 1_900_000, 1024, ""),
        unconfirmed="license: its page has no tag, its code is Apache-2.0",
    ),
    _caduceus(
        *("ps", "131k_d_model-256_n_layer-16", 7_700_000, 131_072, _APACHE),
        commit="d89eeb853136ea64da7feb3d0c8e909771b17ae6",
    ),
    _dnabert2("DNABERT-2-117M", "135 species", "7bce263b15377fc15361f52cfab88f8b586abda0"),
    _dnabert2("DNABERT-S", "microbes", "00e47f96cdea35e4b6f5df89e5419cbe47d490c6"),
    _gena_lm("base", "human", 110_000_000, commit="416f055300346a5830ca49438daf5f4e136ed9a8"),
    _gena_lm("base-lastln-t2t", "human", 110_000_000),
    _gena_lm("base-t2t", "human", 110_000_000, unconfirmed=f"{_TAG}; {_FILES}"),
    _gena_lm("base-t2t-multi", "many species", 110_000_000, commit="4633e5a1ada905bb7afee6877d71cc12578a95a5"),
    _gena_lm("base-athaliana", "Arabidopsis", 110_000_000),
    _gena_lm("base-fly", "Drosophila", 110_000_000, unconfirmed=f"{_TAG}; {_FILES}"),
    _gena_lm("base-yeast", "yeast", 110_000_000, unconfirmed=f"{_TAG}; {_FILES}"),
    _gena_lm(
        *("large-t2t", "human", 336_000_000),
        weights=SAFETENSORS,
        commit="f997a8a7c1ba5feb6d11de46354a41c51ffe9660",
    ),
    _generator("eukaryote-1.2b", "eukaryotes", 1_200_000_000, commit="5e872c94"),
    _generator("eukaryote-3b", "eukaryotes", 3_000_000_000, commit="7515b176"),
    _generator("v2-eukaryote-1.2b", "eukaryotes", 1_200_000_000, license="", unconfirmed=f"{_TAG}; {_LENGTH}"),
    _generator("v2-eukaryote-3b", "eukaryotes", 3_000_000_000, license="", unconfirmed=f"{_TAG}; {_LENGTH}"),
    _generator("v2-prokaryote-1.2b", "prokaryotes", 1_200_000_000, license="", unconfirmed=f"{_TAG}; {_LENGTH}"),
    _generator("v2-prokaryote-3b", "prokaryotes", 3_000_000_000, license="", unconfirmed=f"{_TAG}; {_LENGTH}"),
    _genomeocean(
        *("pGenomeOcean/GenomeOcean-100M", 100_000_000, 1024, 5000),
        unconfirmed="which BSD license (its tag is bsd); whether its settings name code",
    ),
    _genomeocean(
        *("DOEJGI/GenomeOcean-500M", 541_000_000, 1024, 5000),
        commit="0d9f453925aca9c278505cf0103b6b4311092052",
        unconfirmed="which BSD license (its tag is bsd)",
    ),
    _genomeocean(
        *("DOEJGI/GenomeOcean-4B", 4_250_000_000, 10_240, 51_000),
        commit="2bed2fc3",
        unconfirmed="which BSD license (its tag is bsd)",
    ),
    KnownModel(
        repository="PoetschLab/GROVER",
        title="GROVER",
        organisms="human",
        parameters=87_000_000,
        architecture="bert",
        tokens=BYTE_PAIRS,
        longest_tokens=510,
        longest_nucleotides=2000,
        license="",
        weights=PICKLE,
        commit="6b223110f0d6963e849f55bc2a2f3cff0e38c7a4",
        tried=RANDOM_WEIGHTS,
        unconfirmed=_TAG,
    ),
    _hyenadna("tiny-1k-seqlen", 451_000, 1024, commit="e8c1effa"),
    _hyenadna("tiny-16k-seqlen-d128", 635_000, 16_384),
    _hyenadna("tiny-1k-seqlen-d256", 1_660_000, 1024),
    _hyenadna("small-32k-seqlen", 4_070_000, 32_768, commit="8fe770c7"),
    _hyenadna("medium-160k-seqlen", 14_200_000, 160_000, commit="7ebf71773d22c0ede2cc55cb2be15ee8c289e1ce"),
    _hyenadna("medium-450k-seqlen", 28_200_000, 450_000),
    _hyenadna("large-1m-seqlen", 54_600_000, 1_000_000, commit="0a629abf9c7f85b4ec9aa6a1aefa3adcf1907446"),
    KnownModel(
        repository="RaphaelMourad/Jamba-DNA-v1-114M-hg38",
        title="Jamba-DNA",
        organisms="human",
        parameters=114_000_000,
        architecture="jamba",
        tokens=BYTE_PAIRS,
        longest_tokens=None,
        longest_nucleotides=None,
        license="",
        tried=TINY_WEIGHTS,
        unconfirmed=f"{_TAG}; {_LENGTH} (pretrained on 100,000 nt); {_FILES}",
    ),
    _mistral_dna(
        *("1M", 1_000_000),
        longest_tokens=256,
        longest_nucleotides=1000,
        license="",
        tried=AUTHORS_WEIGHTS,
        unconfirmed=_TAG,
    ),
    _mistral_dna("17M", 17_000_000, tried=RANDOM_WEIGHTS),
    _mistral_dna("138M", 138_000_000, tried=RANDOM_WEIGHTS),
    _mistral_dna("422M", 422_000_000, commit="511be50b9ca8c605bbb68496fc0c4c31e780f4bc"),
    KnownModel(
        repository="RaphaelMourad/ModernBERT-DNA-v1-37M-hg38",
        title="ModernBERT-DNA",
        organisms="human",
        parameters=37_000_000,
        architecture="modernbert",
        tokens=BYTE_PAIRS,
        longest_tokens=None,
        longest_nucleotides=None,
        license=_APACHE,
        tried=TINY_WEIGHTS,
        unconfirmed=f"{_LENGTH} (pretrained on 10,000 nt)",
    ),
    KnownModel(
        repository="AIRI-Institute/moderngena-base",
        title="ModernGENA",
        organisms="443 vertebrates",
        parameters=135_000_000,
        architecture="modernbert",
        tokens=BYTE_PAIRS,
        longest_tokens=1024,
        longest_nucleotides=9000,
        license="",
        tried=TINY_WEIGHTS,
        unconfirmed="license: its page has no tag",
    ),
    KnownModel(
        repository="AIRI-Institute/moderngena-large",
        title="ModernGENA",
        organisms="443 vertebrates",
        parameters=378_000_000,
        architecture="modernbert",
        tokens=BYTE_PAIRS,
        longest_tokens=1024,
        longest_nucleotides=9000,
        license="",
        tried=TINY_WEIGHTS,
        unconfirmed="license: a copy of it on the hub says Apache-2.0",
    ),
    _nucleotide_transformer("500m-1000g", "3,202 human genomes", 500_000_000, weights=PICKLE, tried=RANDOM_WEIGHTS),
    _nucleotide_transformer("500m-human-ref", "human", 500_000_000, weights=PICKLE, tried=RANDOM_WEIGHTS),
    _nucleotide_transformer(*("2.5b-multi-species", "850 species", 2_500_000_000), weights=PICKLE, tried=TINY_WEIGHTS),
    _nt_v2(
        *("50m-3mer", 50_000_000),
        title="Nucleotide Transformer v2 (3-mers)",
        tokens=THREE_MERS,
        longest_nucleotides=6141,
        weights=PICKLE,
        commit="ff82eaf931e483feeb6bf7ecf03f1febe6b2fe76",
    ),
    _nt_v2("50m", 55_900_000, commit="81b29e5786726d891dbf929404ef20adca5b36f1"),
    _nt_v2("100m", 97_900_000, commit="f34324c6fde36a4f635f0f1f06cac5d25acd6798"),
    _nt_v2("250m", 235_000_000, weights=PICKLE, commit="c0f0359229f36ff6bc3a021247eefe0a9c344bd1"),
    _nt_v2("500m", 498_000_000, commit="f1fd7a1df5b19d31b88f11db1ce87caeb1ea4d2a"),
    _plant(
        "dnabert-6mer", "Plant DNABERT (6-mers)", 90_000_000, "bert", "6-mers", unconfirmed=f"{_LENGTH}; size; tokens"
    ),
    _plant(
        "dnabert-BPE",
        "Plant DNABERT (byte pairs)",
        92_000_000,
        "bert",
        BYTE_PAIRS,
        commit="10e9c3c73f12598f46e3007ed11be483169d5dd1",
    ),
    _plant(
        "dnagpt-BPE",
        "Plant DNAGPT (byte pairs)",
        100_000_000,
        "gpt2",
        BYTE_PAIRS,
        license="",
        unconfirmed=f"{_TAG}; {_LENGTH}; size; {_FILES}",
    ),
    _plant(
        "nucleotide-transformer-BPE",
        "Plant Nucleotide Transformer (byte pairs)",
        102_000_000,
        "nucleotide_transformer_v2",
        BYTE_PAIRS,
        needs=("nucleotide_transformer_v2", "plant_nucleotide_transformer"),
        tried=NOTHING,
    ),
    _plant_caduceus(20, 20_000_000),
    _plant_caduceus(24, 40_000_000),
    _plant_caduceus(28, 112_000_000),
    _plant_caduceus(32, 225_000_000, commit="e624c13c3d35415348b854c87a218893b23564f7"),
)
# In the order of the form and the table: families, the smallest model of each first.
KNOWN_MODELS = sorted(_MODELS, key=lambda model: (model.title.split()[0].lower(), model.parameters, model.title))
BY_REPOSITORY = {model.repository: model for model in KNOWN_MODELS}
