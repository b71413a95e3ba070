"""`make demo`: run the workflow on real ChIP-seq peaks in a real Galaxy, and show what came of it.

Every labeled output of the workflow is left in `.local/demo/`. Beside the model's scores stand those of two baselines
on the same split: always the commonest class, and a logistic regression on k-mer counts.
"""

import csv
import io
import shutil
import subprocess
import time

from dev.environments import PROJECT, SetupError, environment, local_folder, say
from dev.galaxy import galaxy_server
from dev.galaxy.local_galaxy import free_port, local_galaxy, run_command
from dev.galaxy.plain_report import plain_report


class Progress:
    """Prints each change of a job's state, and what the running job says about itself."""

    def __init__(self, run_folder):
        self.run_folder = run_folder
        self.started = time.time()
        self.seen = {}
        self.said = ""

    def __call__(self, jobs):
        for job, (tool, state) in jobs.items():
            if self.seen.get(job) != state:
                self.seen[job] = state
                self.say(f"{tool}: {state}")
        streams = sorted(self.run_folder.glob("tmp/*/job_working_directory/*/*/outputs/tool_stderr"))
        lines = streams[-1].read_text(errors="replace").splitlines() if streams else []
        if lines and lines[-1] != self.said:
            self.said = lines[-1]
            self.say(f"    {self.said}")

    def say(self, text):
        say(f"[{time.time() - self.started:4.0f} s] {text}")


def table(rows):
    """Return rows of text as aligned columns."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)


def number(text):
    try:
        return f"{float(text):.3f}"
    except ValueError:
        return text


def output(by_label, *words):
    """Return the path of the one output that has all of the words in its label or its file's ending."""
    found = [
        path for label, path in by_label.items() if all(word in f"{label} {path.suffix}".lower() for word in words)
    ]
    if len(found) != 1:
        raise SetupError(f"{len(found)} outputs of the workflow are called {' '.join(words)}: {', '.join(by_label)}")
    return found[0]


def baselines(by_label):
    """Return the rows of dev/bench/kmer_baseline.py on the workflow's own split, header included."""
    python = environment("tools") / "bin" / "python"
    splits = by_label["Splits"]
    split = ["--train", splits / "train.csv", "--test", splits / "test.csv"]
    printed = subprocess.run(
        [python, PROJECT / "dev" / "bench" / "kmer_baseline.py", *split], check=True, text=True, stdout=subprocess.PIPE
    ).stdout
    return list(csv.reader(io.StringIO(printed), delimiter="\t"))


def main():
    started = time.time()
    folder = local_folder() / "demo"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    with local_galaxy("demo", galaxy_server.TOOLS.glob("*.xml")) as galaxy:
        client = galaxy_server.start(galaxy, free_port())
        history = client.histories.create_history("dna_lm demo")["id"]
        say("uploading the example data: human ChIP-seq peaks of CTCF, and matched background")
        inputs = galaxy_server.example_inputs(client, history)
        workflow = galaxy_server.import_workflow(client)
        try:
            invocation = galaxy_server.run_workflow(client, workflow, history, inputs, Progress(galaxy.folder))
        except galaxy_server.StepFailed as failure:
            say(f"error: {failure}\nGalaxy's log: {galaxy.log}")
            return 1
        by_label, by_dataset = galaxy_server.download(client, invocation, folder)
        for dataset, path in by_dataset.items():
            if path.suffix == ".md":
                text = galaxy_server.report(client, dataset)
                path.write_text(plain_report(text, by_dataset))
    rows = csv.reader(output(by_label, "metrics").read_text().splitlines(), delimiter="\t")
    metrics = {metric: value for metric, label, value, *_ in rows if label == "all"}
    header, *rows = baselines(by_label)
    print("\nOn the test set:")
    print(table([["metric", "value"], *([name, number(value)] for name, value in metrics.items())]))
    print("\nBeside baselines on the same split:")
    model = ["this workflow", *(metrics.get(name, "") for name in header[1:])]
    print(table([header, *([name, *map(number, values)] for name, *values in [model, *rows])]))
    print(f"\n{len(by_label)} outputs are in {folder} ({time.time() - started:.0f} s):")
    for path in sorted(folder.iterdir()):
        print(f"  {path.name}")
    return 0


if __name__ == "__main__":
    run_command(main)
