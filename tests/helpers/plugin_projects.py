"""Install small projects without pip, which takes seconds for each."""

import tomllib
from pathlib import Path


def write_project(folder: Path, group: str, entry_points: dict[str, str], module: str, text: str) -> Path:
    """A project with one module, as the owner of a plugin writes it; returns its folder.

    Args:
        folder: where the projects lie; its own folder is named as the module.
        group: the group of its entry points.
        entry_points: what each one names.
        module: the name of the module.
        text: the code of the module.
    """
    project = folder / module
    project.mkdir(parents=True)
    lines = [f'{name} = "{what}"' for name, what in entry_points.items()]
    head = f'[project]\nname = "{module}"\nversion = "1.0"\n[project.entry-points."{group}"]\n'
    (project / "pyproject.toml").write_text(head + "\n".join(lines), encoding="utf-8")
    (project / f"{module}.py").write_text(text, encoding="utf-8")
    return install(project)


def install(project: Path) -> Path:
    """Write beside the modules of a project what pip writes down of its pyproject.toml; returns the folder.

    With that folder on the search path for modules the project is installed.
    """
    told = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    folder = project / f"{told['name'].replace('-', '_')}-{told['version']}.dist-info"
    folder.mkdir()
    metadata = f"Metadata-Version: 2.1\nName: {told['name']}\nVersion: {told['version']}\n"
    (folder / "METADATA").write_text(metadata, encoding="utf-8")
    groups = [
        "\n".join([f"[{group}]", *(f"{name} = {what}" for name, what in entries.items())])
        for group, entries in told["entry-points"].items()
    ]
    (folder / "entry_points.txt").write_text("\n".join(groups), encoding="utf-8")
    return project
