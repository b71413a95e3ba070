"""What every table of records shares: columns that the program adds, and positions in a genome."""

import pandas as pd

# What to call the file of a record in messages, the split that it came with, and the group or chromosome by which it is
# to be split.
SOURCE, SPLIT, BY = "_source", "_split", "_by"
OWN_COLUMNS = [SOURCE, SPLIT, BY]
# What sequences are independent of each other by: their similarity cluster, group or chromosome, as text.
CLUSTER = "cluster"
# Where a record lies in a genome: `start` counts from 0, `end` is the first position behind it (int64, as in BED).
POSITION = ["chrom", "start", "end"]


def has_positions(records: pd.DataFrame) -> bool:
    """Return whether the records have positions as numbers, not as the text of a table."""
    return set(POSITION) <= set(records.columns) and all(records[name].dtype.kind == "i" for name in POSITION[1:])
