"""Write the tool panel of the local Galaxy: the tools in the order of the work.

planemo's own panel has no such order: it takes single tools as a set, and those of a folder by file name.
"""

from xml.sax.saxutils import quoteattr

from dna_lm.tools import PANEL


def write_tool_panel(path, tools, others=()):
    """Write Galaxy's configuration of the panel; return its path.

    tools: the folder of the tools; others: XML files of tools that workflows need, listed below.
    Only within a section does Galaxy's page keep an order; tools outside of any are listed by their ids.
    """
    files = [tools / f"dna_lm_{name}.xml" for name in PANEL]
    sections = [("dna_lm", "DNA language models", files), ("others", "Used by the workflows", others)]
    lines = ["<toolbox>", '  <tool file="data_source/upload.xml"/>']
    for section, name, found in sections:
        lines += [f'  <section id="{section}" name="{name}">']
        lines += [f"    <tool file={quoteattr(str(file))}/>" for file in found]
        lines += ["  </section>"]
    path.write_text("\n".join([*lines, "</toolbox>", ""]))
    return path
