"""HTML pages that load nothing, from the templates of a package."""

from functools import cache
from importlib import resources

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup


@cache
def page_template(package: str) -> Template:
    """The `page.html` of a package. What is put into it is escaped; a name that it lacks is an error."""
    environment = Environment(
        loader=PackageLoader(package),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template("page.html")


def own(package: str, name: str) -> Markup:
    """A style or script of a package's templates, which is put into a page as it is."""
    return Markup((resources.files(package) / "templates" / name).read_text(encoding="utf-8"))
