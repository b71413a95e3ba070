"""Write the tool panel of the local Galaxy: the tools in the order of the work.

planemo's own panel has no such order: it takes single tools as a set, and those of a folder by file name.
"""

from xml.sax.saxutils import quoteattr

from dna_lm.tools import PANEL


def write_tool_panel(path, tools, others=()):
    """Write Galaxy's configuration of the panel; return its path.

    tools: the folder of the tools; others: XML files of tools that workflows need, listed last.
    """
    files = [tools / f"dna_lm_{name}.xml" for name in PANEL]
    lines = ['  <tool file="data_source/upload.xml"/>', '  <label id="dna_lm" text="DNA language models"/>']
    lines += [f"  <tool file={quoteattr(str(file))}/>" for file in files]
    if others:
        lines += ['  <label id="others" text="Used by the workflows"/>']
        lines += [f"  <tool file={quoteattr(str(file))}/>" for file in others]
    path.write_text("\n".join(["<toolbox>", *lines, "</toolbox>", ""]))
    return path
