"""Give Galaxy's jobs the tools' virtual environment through Galaxy's own dependency resolution.

A tool asks for packages with `<requirement>`; Galaxy's `galaxy_packages` resolver looks in a folder for
`<name>/<version>/env.sh`. This writes that folder, one line a package, and first holds every requirement against the
lock file, so that what a server with conda gets is what is tested here. The tools themselves know nothing of it.
"""

import shlex
import xml.etree.ElementTree as ElementTree

from dev.environments import SetupError, lock_lines

# conda's name of a package -> its name on the Python package index, where the two differ
INDEX_NAMES = {"pytorch": "torch", "matplotlib-base": "matplotlib"}
# The one package whose tested version is not the required one: (required from conda-forge, locked from the package
# index). conda-forge's newest pytorch is 2.12.0, and 2.13.0 is the one that the package index has without CUDA.
EXCEPTIONS = {"pytorch": ("2.12.0", "2.13.0")}


def requirements(xml_files):
    """Return {package: version}, in conda's names, of every `<requirement>` in the files; tokens are put in."""
    trees = [ElementTree.parse(path).getroot() for path in xml_files]
    tokens = {token.get("name"): token.text or "" for tree in trees for token in tree.iter("token")}
    found = {}
    for tree in trees:
        for element in tree.iter("requirement"):
            name, version = element.text.strip(), element.get("version", "")
            for token, value in tokens.items():
                version = version.replace(token, value)
            if found.setdefault(name, version) != version:
                raise SetupError(f"the tools ask for two versions of {name}: {found[name]} and {version}")
    return found


def normal(name):
    """A package's name as the package index compares names."""
    return name.lower().replace("_", "-")


def check(required, lines):
    """Raise SetupError when a requirement is not what the lock file has.

    required: {package: version} in conda's names; lines: those of the lock file, `name==version`.
    """
    locked = {}
    for line in lines:
        name, _, version = line.partition("==")
        locked[normal(name)] = version
    wrong = []
    for name, version in sorted(required.items()):
        expected = EXCEPTIONS[name][1] if EXCEPTIONS.get(name, ("", ""))[0] == version else version
        found = locked.get(normal(INDEX_NAMES.get(name, name)))
        if found != expected:
            wrong.append(f"{name} {version} is required, {found or 'nothing'} is locked")
    if wrong:
        raise SetupError(f"the tools' XML and dev/requirements/tools.txt differ: {'; '.join(wrong)}")


def write_resolvers(folder, xml_files, environment):
    """Write the resolver's folder and its configuration into `folder`; return the path of the configuration.

    environment: the folder of the tools' virtual environment.
    """
    required = requirements(xml_files)
    check(required, lock_lines("tools"))
    for name, version in required.items():
        package = folder / "packages" / name / version
        package.mkdir(parents=True)
        (package / "env.sh").write_text(f"PATH={shlex.quote(str(environment / 'bin'))}:$PATH; export PATH\n")
    path = folder / "resolvers.xml"
    root = ElementTree.Element("dependency_resolvers")
    ElementTree.SubElement(root, "galaxy_packages", base_path=str(folder / "packages"))
    ElementTree.ElementTree(root).write(path)
    return path
