"""The curves of a training as a file for TensorBoard."""

import tempfile
from pathlib import Path

import pandas as pd


def write_events(history: pd.DataFrame, path: str | Path) -> None:
    """Write the history (see finetuning.Finetuned) in TensorBoard's format, tfevents.

    The losses are `loss/train` and `loss/dev`, the scores `dev/<score>`; several runs come with their seed before
    that. A step is a thousandth of an epoch.
    """
    from tensorboardX.event_file_writer import EventsWriter
    from tensorboardX.proto.event_pb2 import Event
    from tensorboardX.summary import scalar

    with tempfile.TemporaryDirectory(prefix="events_") as folder:
        # Not SummaryWriter: it writes in a thread of its own, and waits for it forever when the disk is full.
        writer = EventsWriter(str(Path(folder) / "events"))
        for row in history.to_dict("records"):
            run = f"seed{row['seed']}/" if "seed" in row else ""
            for name, value in row.items():
                if tag := _tag(name):
                    summary, step = scalar(run + tag, value), round(row["epoch"] * 1000)
                    writer.write_event(Event(summary=summary, step=step, wall_time=row["seconds"]))
        writer.close()
        (file,) = Path(folder).iterdir()
        Path(path).write_bytes(file.read_bytes())


def _tag(column: str) -> str:
    if column in ("train_loss", "dev_loss"):
        return f"loss/{column.removesuffix('_loss')}"
    if column.startswith("dev_"):
        return f"dev/{column.removeprefix('dev_')}"
    return "learning_rate" if column == "learning_rate" else ""
