"""Turn a Galaxy report into Markdown that any viewer shows."""

import csv
import re

DIRECTIVE = re.compile(r"```galaxy\n(\w+)\((?:.*, )?(?:history_dataset_id|job_id)=(\w+).*\)\n```\n")


def plain_report(text, files, parameters):
    """Return a Galaxy report as plain Markdown, its directives replaced by what they show in Galaxy.

    files: {dataset id: downloaded path}; parameters: called with a job's id, returns [(name, value)].
    A directive about anything else is left out.
    """

    def replace(match):
        directive, what = match[1], match[2]
        if directive == "job_parameters":
            return markdown_table([("Parameter", "Value"), *parameters(what)])
        if directive == "history_dataset_as_image" and what in files:
            return f"![]({files[what].name})\n"
        if directive == "history_dataset_link" and what in files:
            return f"[{files[what].name}]({files[what].name})\n"
        if directive == "history_dataset_as_table" and what in files:
            return markdown_table(list(csv.reader(files[what].read_text().splitlines(), delimiter="\t")))
        return ""

    return DIRECTIVE.sub(replace, text)


def markdown_table(rows):
    rows = [rows[0], ["---"] * len(rows[0]), *rows[1:]]
    return "".join(f"| {' | '.join(cell.replace('|', '&#124;') for cell in row)} |\n" for row in rows)
