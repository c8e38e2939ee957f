"""`bench predict MODEL IMAGE...`: the labels of one's own pictures."""

import csv
import io
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
from rich.console import Console

from bench.cli.display import open_display
from bench.cli.listing import print_rows
from bench.errors import UserError

if TYPE_CHECKING:
    from bench.trained.prediction import Label, Prediction
    from bench.trained.scorer import Scorer, Threshold

    Labels = Callable[[Prediction], list[Label]]
    """The labels of a picture that are shown."""


def _threshold(ctx: click.Context, param: click.Parameter, value: str | None) -> "Threshold":
    """A number from 0 to 1, or `fitted`."""
    if value is None or value == "fitted":
        return "fitted" if value else None
    try:
        number = float(value)
    except ValueError:
        number = -1.0
    if not 0 <= number <= 1:
        raise click.BadParameter(f"'{value}' is neither a number from 0 to 1 nor fitted", ctx, param)
    return number


@click.command("predict")
@click.argument("model")
@click.argument("images", nargs=-1, required=True, metavar="IMAGE...")
@click.option(
    "--top",
    type=click.IntRange(1),
    help="Show so many labels: the most probable, whatever their probability; with --threshold, at most so "
    "many of those that reach it.",
)
@click.option(
    "--threshold",
    metavar="NUMBER|fitted",
    callback=_threshold,
    help="Show labels from this probability on, or from those that `bench thresholds` fitted.  "
    "[default: fitted where there are some, else 0.5]",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(
    "--csv",
    "as_csv",
    is_flag=True,
    help="Print CSV, a row for each label of a picture; of one without a label, a row with empty cells.",
)
@click.option("--out", type=click.Path(path_type=Path), help="Write JSON or CSV to this file instead.")
@click.option(
    "--maps", type=click.Path(path_type=Path), help="Draw where each label is seen into this folder."
)
@click.option("--batch-size", type=click.IntRange(1), default=16, show_default=True, help="Images per batch.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N.")
def command(
    model: str,
    images: tuple[str, ...],
    top: int | None,
    threshold: "Threshold",
    as_json: bool,
    as_csv: bool,
    out: Path | None,
    maps: Path | None,
    batch_size: int,
    device: str,
) -> None:
    """Print the labels of pictures, with their probabilities.

    MODEL is a run here, its model.safetensors, or a file of `bench import-checkpoint`. IMAGE is a picture, a
    folder of them, a pattern in quotes, or - for names on standard input, one on a line.

    A picture that cannot be read is named and left out; the exit status is 1 then.
    """
    # Imported here because importing torch takes longer than reading help.
    from bench.experiment.methods import options_of
    from bench.trained.drawings import Drawings
    from bench.trained.pictures import passed_over, picture_files, readable
    from bench.trained.scorer import load_scorer

    form = _form([name for name, asked in (("json", as_json), ("csv", as_csv)) if asked], out)
    names = _names(images)
    files = picture_files(names)
    scorer = load_scorer(model, device)
    scorer.thresholds(threshold)  # before any picture is read

    def labels(one: "Prediction") -> "list[Label]":
        return one.labels(top, reached=threshold is not None)

    found: list[Prediction] = []
    skipped: dict[str, str] = {}
    with open_display(Console(stderr=True)) as display:
        progress = display.task("predicting, picture")
        drawn = Drawings(maps, labels) if maps else None
        for several in readable(files, batch_size, lambda path, why: skipped.update({str(path): why})):
            paths, pictures = [str(path) for path, _ in several], [picture for _, picture in several]
            predictions = scorer.predict(pictures, threshold, maps is not None, batch_size, paths)
            if drawn:
                for prediction, picture in zip(predictions, pictures, strict=True):
                    drawn.add(prediction, picture)
            found += predictions
            progress(len(found) + len(skipped), len(files))
    if form:
        _write(FORMS[form](scorer, found, skipped, labels), out)
    else:
        _print_table(scorer, found, labels)
    for name, reason in skipped.items():
        click.echo(f"{name}: {reason}", err=True)
    if said := passed_over(names, files):
        click.echo(f"note: {said}", err=True)
    if options_of(scorer.card.method).looks_beside and min(len(found), batch_size) > 1:
        click.echo(
            f"note: what {scorer.card.method.label()} says of a picture depends on the pictures beside it, "
            f"{batch_size} at a time (--batch-size)",
            err=True,
        )
    if skipped:
        raise SystemExit(1)


def _names(images: Sequence[str]) -> list[str]:
    """What was typed, with the lines of standard input in the place of `-`."""
    lines = [line.rstrip("\r\n") for line in sys.stdin] if "-" in images else []
    names = [name for image in images for name in (lines if image == "-" else [image])]
    if not any(names):
        raise UserError("No picture was named on standard input: give one name on each line.")
    return [name for name in names if name]


def _form(asked: Sequence[str], out: Path | None) -> str:
    """How the predictions are written; the ending of the file says it where no option does."""
    if len(asked) > 1:
        raise UserError("--json and --csv are two forms of the same: leave one out.")
    ending = out.suffix.lower().removeprefix(".") if out else ""
    said = [*asked, *([ending] if ending in FORMS else [])]
    if len(set(said)) > 1:
        raise UserError(
            f"{out} ends in .{ending}, and --{said[0]} asks for another form: leave out the option."
        )
    chosen = said[0] if said else ""
    if out and not chosen:
        raise UserError(f"{out} ends neither in .json nor in .csv: say which it is to be, --json or --csv.")
    return chosen


def _write(text: str, out: Path | None) -> None:
    if out is None:
        click.echo(text, nl=False)
        return
    from bench.files import write_text

    write_text(out, text)
    click.echo(f"Written: {out}")


def _json(scorer: "Scorer", found: "list[Prediction]", skipped: dict[str, str], labels: "Labels") -> str:
    described = {
        "model": scorer.card.source,
        "method": scorer.card.method.label(),
        "calibrated": scorer.fitted is not None and scorer.fitted.calibrated,
        "predictions": [
            {"picture": one.picture, "labels": [label._asdict() for label in labels(one)]} for one in found
        ],
        "skipped": [{"picture": name, "reason": reason} for name, reason in skipped.items()],
    }
    return json.dumps(described, indent=1, ensure_ascii=False) + "\n"


def _csv(scorer: "Scorer", found: "list[Prediction]", skipped: dict[str, str], labels: "Labels") -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["picture", "label", "probability"])
    for one in found:
        rows = [[one.picture, name, f"{value:.6g}"] for name, value in labels(one)]
        writer.writerows(rows or [[one.picture, "", ""]])
    return text.getvalue()


FORMS: Final[dict[str, Callable[..., str]]] = {"json": _json, "csv": _csv}
"""How predictions are written for a program."""


def _print_table(scorer: "Scorer", found: "list[Prediction]", labels: "Labels") -> None:
    rows = [
        {
            "Picture": one.picture,
            "Labels": ", ".join(f"{name} {value:.2f}" for name, value in labels(one)) or "none",
        }
        for one in found
    ]
    print_rows(rows)
    how = _calibration(scorer)
    click.echo(f"Probabilities of {scorer.card.method.label()}, {scorer.card.source}, {how}.", err=True)


def _calibration(scorer: "Scorer") -> str:
    if scorer.fitted is None:
        return "not calibrated (`bench thresholds` does that)"
    none = "not calibrated, because `bench thresholds` found no temperature that is the best"
    return "calibrated" if scorer.fitted.calibrated else none
