"""The pictures that other commands drew of the runs on a data set, found by the names of their files.

`bench plot` and `bench visualize` write `RESULTS/figures/DATA-KIND[-N][+METHOD...][@IMAGES].png`, where N
counts the sets of conditions, and `bench explain` writes `RESULTS/explain/METHOD-vs-METHOD-DATA.html`.
"""

import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from bench.leaderboard.model import PageLink
from bench.names import named_after

ENDINGS = (".png", ".svg")
"""What is linked; the first that there is."""

_NAME = re.compile(
    r"(?P<kind>[a-z][a-z-]*?)(?:-(?P<number>\d+))?(?:\+(?P<methods>[^@]+))?(?:@\+?(?P<images>.+))?"
)


@dataclass(frozen=True)
class Pictures:
    """Where pictures may lie.

    Attributes:
        results: the folder of the records, which holds `figures` and `explain`.
        page: the folder of the page that links them.
        data: the names of all data sets that there may be pictures of: one may begin as another does.
    """

    results: Path
    page: Path
    data: Collection[str]

    def of_group(self, data: str, number: int, titles: Mapping[str, str]) -> dict[str, tuple[PageLink, ...]]:
        """The links to the pictures of the runs on a data set.

        Args:
            data: the data set.
            number: of the runs' conditions, among those that there are on the data set; from 1.
            titles: by label the titles of the methods that were run.

        Returns:
            By label those that show the method: drawn of it, and of all methods together.
        """
        by_file_name = {named_after(label): label for label in titles}
        found: dict[str, list[PageLink]] = {label: [] for label in titles}
        for text, methods, path in self._drawn(data, number):
            for name in methods or by_file_name:
                if name in by_file_name:
                    found[by_file_name[name]].append(self.link(text, path))
        if number == 1:  # the name of such a page does not say under which conditions
            for label, links in found.items():
                links += self._explained(data, label, titles)
        return {label: tuple(links) for label, links in found.items()}

    def _drawn(self, data: str, number: int) -> Iterator[tuple[str, Sequence[str], Path]]:
        """What a picture is called, the methods that it was drawn of (none: all), and its file."""
        folder = self.results / "figures"
        names = {path.stem: path for path in _files(folder, ENDINGS[::-1])}
        for stem in sorted(names):
            known = [one for one in self.data if stem.startswith(f"{one}-")]
            if not known or max(known, key=len) != data:
                continue
            parts = _NAME.fullmatch(stem.removeprefix(f"{data}-"))
            if parts and int(parts["number"] or 1) == number:
                methods = parts["methods"].split("+") if parts["methods"] else []
                beside = f" of {len(methods)} methods" if len(methods) > 1 else ""
                images = f", {parts['images']}" if parts["images"] else ""
                yield parts["kind"].replace("-", " ") + beside + images, methods, names[stem]

    def _explained(self, data: str, label: str, titles: Mapping[str, str]) -> Iterator[PageLink]:
        """The pages that say where a method and another one differ."""
        there = {path.stem: path for path in _files(self.results / "explain", (".html",))}
        for other, title in titles.items():
            for pair in ((label, other), (other, label)):
                stem = "-vs-".join(map(named_after, pair)) + f"-{named_after(data)}"
                if other != label and stem in there:
                    yield self.link(f"against {title}", there[stem])

    def link(self, text: str, path: Path) -> PageLink:
        """A link that holds wherever the results are moved to with the page."""
        away = os.path.relpath(path.absolute(), self.page.absolute())
        return PageLink(text, quote(Path(away).as_posix()))


def _files(folder: Path, endings: Sequence[str]) -> Iterator[Path]:
    """The files of a folder with these endings, ending by ending, without hidden ones."""
    for ending in endings:
        yield from sorted(path for path in folder.glob(f"*{ending}") if not path.name.startswith("."))
