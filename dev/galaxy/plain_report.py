"""Turn a Galaxy report into Markdown that any viewer shows."""

import re

DIRECTIVE = re.compile(r"```galaxy\n(\w+)\((?:.*, )?history_dataset_id=(\w+).*\)\n```\n")


def plain_report(text, files):
    """Return a Galaxy report as plain Markdown, its pictures and links in place of directives.

    files: {dataset id: downloaded path}. A directive about anything else is left out.
    """

    def replace(match):
        directive, dataset = match.groups()
        if directive == "history_dataset_as_image" and dataset in files:
            return f"![]({files[dataset].name})\n"
        if directive == "history_dataset_link" and dataset in files:
            return f"[{files[dataset].name}]({files[dataset].name})\n"
        return ""

    return DIRECTIVE.sub(replace, text)
