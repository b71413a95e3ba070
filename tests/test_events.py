import struct

import pandas as pd
from tensorboardX.proto.event_pb2 import Event

from dna_lm.training.events import write_events


def scalars(content: bytes) -> list[tuple[str, int, float]]:
    """Read a file of events: records of a length, its checksum, an Event and its checksum."""
    found, position = [], 0
    while position < len(content):
        (length,) = struct.unpack("<Q", content[position : position + 8])
        event = Event.FromString(content[position + 12 : position + 12 + length])
        found += [(value.tag, event.step, round(value.simple_value, 4)) for value in event.summary.value]
        position += 16 + length
    return found


def test_the_history_as_events(tmp_path):
    row = {"epoch": 1, "kept": "yes", "train_loss": 0.5, "dev_loss": 0.25, "dev_mcc": 0.75, "learning_rate": 0.125}
    write_events(pd.DataFrame([row | {"seconds": 2.0}, row | {"epoch": 1.5, "seconds": 3.0}]), tmp_path / "events")
    once = [("loss/train", 0.5), ("loss/dev", 0.25), ("dev/mcc", 0.75), ("learning_rate", 0.125)]
    expected = [(tag, step, value) for step in (1000, 1500) for tag, value in once]
    assert scalars((tmp_path / "events").read_bytes()) == expected


def test_several_runs_are_told_apart_by_their_seed(tmp_path):
    rows = [{"seed": seed, "epoch": 1, "kept": "", "train_loss": 0.5, "seconds": 1.0} for seed in (42, 43)]
    write_events(pd.DataFrame(rows), tmp_path / "events")
    assert [tag for tag, _, _ in scalars((tmp_path / "events").read_bytes())] == [
        "seed42/loss/train",
        "seed43/loss/train",
    ]
