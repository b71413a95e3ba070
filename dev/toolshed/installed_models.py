"""The base models of a Galaxy whose administrator installs them, and how those of a test are forgotten again."""

import shutil

TABLE = "huggingface.loc"
FOLDERS = "huggingface/*/*"  # in the folder of what data managers install: that of the data manager's `<move>`


def installed_models(galaxy, reference):
    """What says which models there are: {file of their table: its content}, and the models' folders.

    galaxy: the Galaxy's folder; reference: that of what data managers install.
    """
    return {path: path.read_bytes() for path in galaxy.rglob(TABLE)}, set(reference.glob(FOLDERS))


def forget_others(models, reference):
    """Remove the models that `installed_models` did not give; the Galaxy does not run.

    Galaxy refuses to install a model twice, which tests want to do on each side.
    """
    tables, folders = models
    for path, content in tables.items():
        path.write_bytes(content)
    for folder in set(reference.glob(FOLDERS)) - folders:
        shutil.rmtree(folder)
