"""The words that options take, as the code calls them, and the limits of what is sensible. Imports nothing."""

# The ways to tell that two sequences are copies of one another.
BOTH_STRANDS, SAME_STRAND, KEEP = "both-strands", "same-strand", "keep"
# The ways to split, and the negatives that can be made.
RANDOM, CHROMOSOME, GROUP, COLUMN, SIMILARITY = "random", "chromosome", "group", "column", "similarity"
NONE, SHUFFLE, GENOME = "none", "shuffle", "genome"
REVERSE_COMPLEMENT = "reverse-complement"
# Which splits lose sequences until each label has as many.
DOWNSAMPLE, DOWNSAMPLE_ALL = "downsample", "downsample-all"
# What labels are: one of several classes, any number of classes, a number.
CLASSES, MULTI_LABEL, NUMBER = "classes", "multi-label", "number"
# What fine-tuning trains beside the head.
LORA, HEAD_ONLY, FULL = "lora", "head", "full"
# What text calls the splits.
SPLIT_NAMES = {"train": "training", "dev": "development", "test": "test"}
# The strands that a model reads.
BOTH, FORWARD, REVERSE = "both", "forward", "reverse"
CROSS_ENTROPY, FOCAL, BALANCED = "cross-entropy", "focal", "balanced"
# How the weights of a base model are quantized.
EIGHT_BIT, NF4, FP4 = "8bit", "4bit-nf4", "4bit-fp4"
YES, NO, AUTO = "yes", "no", "auto"
# What a threshold is chosen by, and what is done with data that a model was trained on.
F1, MCC, PRECISION, RECALL = "f1", "mcc", "precision", "recall"
REFUSE, ALLOW = "refuse", "allow"
# What is done with an adapter.
SHOW, EXPORT, MERGE, IMPORT = "show", "export", "merge", "import"
RECOMMENDED, TUTORIAL = "recommended", "tutorial"
# What is done with long sequences, and how the predictions for their windows become one.
CUT, WINDOWS = "cut", "windows"
MEAN, MAX = "mean", "max"
# The groups of organisms whose motifs come with the tools.
VERTEBRATES, PLANTS, INSECTS = "vertebrates", "plants", "insects"
NEMATODES, FUNGI, UROCHORDATES = "nematodes", "fungi", "urochordates"
MOTIF_GROUPS = (VERTEBRATES, PLANTS, INSECTS, NEMATODES, FUNGI, UROCHORDATES)
# The base model that comes with the tools, and the one that an adapter's record names.
BUILT_IN, RECORDED = "built-in", "recorded"

# Limits: of the k-mers that a tokenizer's vocabulary can hold (4^12 is 17 million), and of the rank of LoRA matrices.
LONGEST_KMER = 12
LARGEST_RANK = 4096
