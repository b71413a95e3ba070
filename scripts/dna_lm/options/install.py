"""The options of install, the administrator's tool."""

from .choices import NO, YES
from .option import INPUT, OUTPUT, THREADS, Option

INSTALL = (
    Option("hub_model", str, "Model on the Hugging Face hub, as OWNER/NAME", optional=True),
    Option("hub_revision", str, "Branch, tag or commit on the hub; the commit that it stands for is recorded", "main"),
    Option("archive", INPUT, "Archive (zip, tar, tar.gz) of a Hugging Face folder", optional=True),
    Option("folder", INPUT, "Hugging Face folder on this machine", optional=True),
    Option(
        "model_id",
        str,
        "Identifier in the table, recorded in adapters; without one, that on the hub",
        optional=True,
    ),
    Option("label", str, "What users see in the forms; without one, the identifier", optional=True),
    Option("max_gb", float, "Gigabytes that the model may have", 20.0, minimum=0.001, maximum=10000),
    Option(
        "load", str, "Load the weights to see whether they make a classifier (takes memory)", YES, choices=(YES, NO)
    ),
    THREADS,
    Option("into", OUTPUT, "Folder to put the model into; what a broken download left there is gone on with"),
    Option("table_out", OUTPUT, "Row of the data table (JSON, as Galaxy's data managers write it)"),
)
