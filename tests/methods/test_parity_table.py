"""The committed errors against the published implementations: every case, each within what is asked for."""

from parity_checks import GRADIENTS, OUTPUTS, SINGLE
from parity_table import COLUMNS, table
from places import PARITY, ROOT


def rows(text: str) -> dict[str, list[str]]:
    """The cells by case."""
    lines = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("| ")]
    return {cells[0].strip(): [cell.strip() for cell in cells[1:]] for cells in lines[3:]}


def test_the_largest_error_of_each_kind_is_printed() -> None:
    text = table({"b": {OUTPUTS: 2.4e-13}, "a": {OUTPUTS: 0.0, GRADIENTS: 3e-9, SINGLE: 6e-7}})
    assert rows(text) == {"a": ["0e+00", "3e-09", "6e-07"], "b": ["2e-13", "–", "–"]}
    assert list(rows(text)) == ["a", "b"]


def test_the_committed_table_has_every_case_within_its_bounds() -> None:
    found = rows((ROOT / "results" / "parity.md").read_text(encoding="utf-8"))
    manifests = (path.name.removesuffix(".manifest.json") for path in PARITY.glob("*.manifest.json"))
    assert found.keys() == {name.replace("_c20", "").replace("_c", "-") for name in manifests}
    for case, cells in found.items():
        assert len(cells) == len(COLUMNS), case
        for cell, tolerance in zip(cells, COLUMNS.values(), strict=True):
            # Of whole models there are no gradients.
            assert float(cell) <= tolerance if cell != "–" else case.endswith("_full"), (case, cell)
