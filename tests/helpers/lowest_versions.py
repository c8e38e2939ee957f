"""Print the lowest versions that a pyproject.toml allows, as constraints for pip.

Of `name>=1.2` any 1.2 is taken, of `name>=1.2.3` that one.
"""

import re
import sys
import tomllib
from pathlib import Path


def constraints(pyproject: Path) -> list[str]:
    """One line for each dependency that has a lower bound."""
    project = tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"]
    extras = [name for names in project["optional-dependencies"].values() for name in names]
    found = (
        re.match(r"([\w.-]+)(?:\[.*\])?>=([\w.]+)", text) for text in [*project["dependencies"], *extras]
    )
    bounds = {match[1]: match[2] for match in found if match}
    return [f"{name}=={low}{'' if low.count('.') >= 2 else '.*'}" for name, low in bounds.items()]


if __name__ == "__main__":
    print("\n".join(constraints(Path(sys.argv[1]))))
