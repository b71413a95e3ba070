"""The tools: each module has the options of a command line, and runs it."""

# Those with a form in the panel, in the order of the work; what an administrator uses is a data manager.
PANEL = ("prepare", "finetune", "evaluate", "compare", "calibrate", "predict", "scan", "adapter")
TOOLS = (*PANEL, "install")
