"""Pictures of stored runs: what they show is what the records say, and equal records give equal bytes."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from matplotlib import __version__ as matplotlib_version
from matplotlib import rcParams
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from bench.errors import UserError
from bench.figures import cooccurrence, frequency, learning, per_class, recall
from bench.figures.catalog import KINDS
from bench.figures.draw import draw_figures
from bench.figures.palette import COLOURS, styles
from bench.figures.subject import Subject
from bench.metrics.average_precision import average_precision
from bench.metrics.protocol import PROTOCOLS
from bench.records.groups import Group, group_records
from bench.records.store import RecordStore
from bench_command import bench, own_process
from made_records import made_cell, made_record, made_scores, store_made

LONG = ("a class with a rather long name", "dog", "person")


def subject_of(store: RecordStore) -> Subject:
    (group,) = groups_of(store)
    return Subject(group, store)


def groups_of(store: RecordStore) -> list[Group]:
    return group_records(record for record in store.all())  # type: ignore[misc]


def small_store(results: Path) -> RecordStore:
    """The floor, the baseline with two seeds and with an option, and ML-GCN."""
    cells = (
        made_cell("prior"),
        made_cell(),
        made_cell(seed=1),
        made_cell("resnet/pool=max"),
        made_cell("ml-gcn"),
    )
    return store_made(results, *cells)


def files_in(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_every_picture_as_png_and_svg(tmp_path: Path) -> None:
    small_store(tmp_path / "results")
    done = bench(tmp_path, None, "plot", "all", "--format", "png,svg")
    assert done.exit_code == 0, done.output
    written = files_in(tmp_path / "results" / "figures")
    assert set(written) == {f"voc2007-{kind}.{ending}" for kind in KINDS for ending in ("png", "svg")}
    assert len(done.stdout.splitlines()) == len(written)
    for name, content in written.items():
        assert content.startswith(b"\x89PNG" if name.endswith("png") else b"<?xml"), name
        assert matplotlib_version.encode() not in content and b"dc:date" not in content, name


def test_equal_records_give_equal_bytes_whatever_is_configured(tmp_path: Path) -> None:
    small_store(tmp_path / "results")
    arguments = ("plot", "frequency", "--format", "png,svg")
    assert bench(tmp_path, None, *arguments).exit_code == 0
    # Another process, another seed of hashes, a configuration of the user's own.
    (tmp_path / "matplotlibrc").write_text("axes.facecolor: red\nfont.size: 30\nsvg.fonttype: none\n")
    before, size = files_in(tmp_path / "results" / "figures"), rcParams["font.size"]
    environment = {**os.environ, "PYTHONHASHSEED": "7", "MATPLOTLIBRC": str(tmp_path)}
    again = own_process(*arguments, "--out", "again")
    subprocess.run(again, check=True, cwd=tmp_path, env=environment, capture_output=True)
    assert files_in(tmp_path / "again") == before
    assert rcParams["font.size"] == size, "the caller's own settings are left alone"


def test_names_that_do_not_exist(tmp_path: Path) -> None:
    small_store(tmp_path / "results")
    for arguments, message in (
        (["per-clas"], "Did you mean 'per-class'?"),
        (["all", "--data", "voc2008"], "Did you mean 'voc2007'?"),
        (["all", "--methods", "ml-gnc"], "Did you mean 'ml-gcn'?"),
        (["all", "--format", "pgn"], "Did you mean 'png'?"),
    ):
        done = bench(tmp_path, None, "plot", *arguments)
        assert done.exit_code == 2 and message in done.output
    assert not (tmp_path / "results" / "figures").exists()
    nothing = bench(tmp_path / "empty", None, "plot", "all")
    assert nothing.exit_code == 2 and "No finished run" in nothing.output
    helped = bench(tmp_path, None, "plot", "--help").output
    assert all(f"  {kind} " in helped for kind in KINDS)


def test_help_needs_nothing_that_draws(tmp_path: Path) -> None:
    script = "import sys; from bench.cli import main; main(['plot', '--help'], standalone_mode=False); "
    script += "assert not {'matplotlib', 'pandas', 'torch'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", script], check=True, cwd=tmp_path, capture_output=True)


def test_methods_and_data_are_chosen(tmp_path: Path) -> None:
    store = small_store(tmp_path)
    store.save(*made_record(made_cell("salgl", data="scenes")))
    assert len(draw_figures(store, ["learning"], tmp_path / "all")) == 2
    (only,) = draw_figures(store, ["learning"], tmp_path / "one", "voc2007", ["ml-gcn"], ["svg"])
    assert only == tmp_path / "one" / "voc2007-learning+ml-gcn.svg"
    (whole,) = draw_figures(store, ["learning"], tmp_path / "whole", "voc2007", formats=["svg"])
    assert only.read_bytes() != whole.read_bytes()


def test_a_choice_of_methods_never_takes_the_place_of_another_picture(tmp_path: Path) -> None:
    other = PROTOCOLS["salgl"]
    store = small_store(tmp_path / "results")
    for cell in (made_cell("salgl", protocol=other), made_cell("ssgrl", protocol=other)):
        store.save(*made_record(cell))
    order = [{one.cell.protocol.name for one in group.records} for group in groups_of(store)]
    assert len(order) == 2
    for choice in ("all", "ml-gcn", "salgl", "salgl,ssgrl", "ssgrl,salgl", "resnet/pool=max,ml-gcn"):
        done = bench(tmp_path, None, "plot", "learning", "--format", "svg", "--methods", choice)
        assert done.exit_code == 0, done.output
    # The runs of SALGL are the same group, with the same number, whatever else is drawn.
    ending = {name: "" if number == 0 else "-2" for number, names in enumerate(order) for name in names}
    mine, others = f"voc2007-learning{ending['bench']}", f"voc2007-learning{ending['salgl']}"
    names = {f"{mine}.svg", f"{others}.svg", f"{mine}+ml-gcn.svg", f"{mine}+ml-gcn+resnet,pool=max.svg"}
    written = files_in(tmp_path / "results" / "figures")
    assert set(written) == names | {f"{others}+salgl.svg", f"{others}+salgl+ssgrl.svg"}
    assert len(set(written.values())) == len(written) - 1, "both of its methods are all of that group"
    (group,) = [group for group in groups_of(store) if group.first.cell.protocol == other]
    assert f"conditions {group.first.cell.conditions()}" in svg_words(written[f"{others}+salgl.svg"])


def svg_words(content: bytes) -> str:
    """The texts of a picture, which matplotlib writes as comments above their outlines."""
    return " ".join(re.findall(r"<!-- (.*?) -->", content.decode()))


def test_a_long_choice_of_methods_has_a_short_name_of_its_own(tmp_path: Path) -> None:
    options = [f"ml-gcn/tau=0.{number:02}/layers={number % 3 + 1}" for number in range(10, 22)]
    store = store_made(tmp_path / "results", *map(made_cell, options))
    chosen = [draw_figures(store, ["learning"], tmp_path, methods=options[:count])[0] for count in (10, 11)]
    first, second = (path.name for path in chosen)
    assert first != second and first[:40] == second[:40] and len(first) < 120
    assert first.startswith("voc2007-learning+ml-gcn,tau=0.1+ml-gcn,tau=0.11,layers=3+")


def test_runs_under_other_conditions_have_a_picture_of_their_own(tmp_path: Path) -> None:
    store = store_made(tmp_path, made_cell(), made_cell("salgl", protocol=PROTOCOLS["salgl"]))
    files = draw_figures(store, ["learning"], tmp_path / "figures")
    assert [path.name for path in files] == ["voc2007-learning.png", "voc2007-learning-2.png"]
    first, second = (Subject(group, store, several=True) for group in groups_of(store))
    assert first.heading("it") != second.heading("it")
    assert first.group.first.cell.conditions() in first.heading("it")


def test_a_picture_of_validation_images_says_so(tmp_path: Path) -> None:
    for split in ("test", "validation"):
        subject = subject_of(store_made(tmp_path / split, made_cell(split=split)))
        assert ("validation images: it" in subject.heading("it")) == (split == "validation")


def test_bars_are_the_ap_of_the_records(tmp_path: Path) -> None:
    subject = subject_of(small_store(tmp_path))
    (axes,) = per_class.draw(subject).axes
    widths = {
        (
            to_hex(bar.get_facecolor()).upper(),
            int(np.floor(bar.get_y() + 0.5 + bar.get_height() / 2)),
        ): bar.get_width()
        for bar in axes.patches
    }
    assert len(widths) == len(subject.rows) * len(subject.classes)
    for label, records in subject.rows.items():
        for c in range(len(subject.classes)):
            aps = [record.metrics.per_class_ap[c] for record in records if record.metrics]
            expected = 100 * np.mean([ap for ap in aps if ap is not None])
            assert widths[subject.styles[label].colour.upper(), c] == pytest.approx(expected)
    assert [text.get_text() for text in axes.get_yticklabels()] == list(subject.classes)


@pytest.mark.parametrize("protocol", ["bench", "ssgrl"])
def test_the_area_under_a_precision_curve_is_the_ap(protocol: str) -> None:
    scores = made_scores(made_cell())
    rounded = scores.logits.round(0)  # many ties
    measured = PROTOCOLS[protocol].model_copy(update={"ap": "ap"})
    curves = recall.precision_at_positives(rounded, scores.labels, measured)
    expected = average_precision(rounded, scores.labels, measured)
    assert [curve.mean() for curve in curves] == pytest.approx(list(expected))
    assert [len(curve) for curve in curves] == (scores.labels == 1).sum(axis=0).tolist()


def test_a_precision_curve_by_hand() -> None:
    """Ranked: hit, difficult, miss, then a hit and a miss with one score."""
    scores = np.array([[5.0], [4.0], [3.0], [2.0], [2.0]], dtype=np.float32)
    labels = np.array([[1], [0], [-1], [1], [-1]], dtype=np.int8)
    (ignored,) = recall.precision_at_positives(scores, labels, PROTOCOLS["bench"])
    assert ignored.tolist() == [1, 0.5]
    (negative,) = recall.precision_at_positives(scores, labels, PROTOCOLS["ssgrl"])
    assert negative.tolist() == [1, 0.4]


def test_the_panels_of_precision_and_recall_hold_a_curve_per_method(tmp_path: Path) -> None:
    subject = subject_of(small_store(tmp_path))
    panels = recall.draw(subject).axes
    assert [panel.get_title() for panel in panels] == list(subject.classes)
    assert all(len(panel.lines) == len(subject.rows) for panel in panels)


def test_frequency_is_counted_on_the_evaluation_split(tmp_path: Path) -> None:
    subject = subject_of(small_store(tmp_path))
    counts = (made_scores(made_cell()).labels == 1).sum(axis=0).tolist()
    (axes,) = frequency.draw(subject).axes
    assert len(axes.collections) == len(subject.rows)
    for points, label in zip(axes.collections, subject.rows, strict=True):
        places = np.asarray(points.get_offsets())
        assert places[:, 0].tolist() == counts
        assert places[:, 1] == pytest.approx(subject.class_ap(label).mean(axis=0))


def test_cooccurrence_by_hand() -> None:
    present = np.array([[1, 1, 0], [1, 0, 0]], dtype=bool)
    assert cooccurrence.together(present).tolist() == [[1, 0.5, 0], [1, 1, 0], [0, 0, 0]]


def test_cooccurrence_shows_what_is_predicted_beyond_the_labels(tmp_path: Path) -> None:
    cell = made_cell()
    record, scores = made_record(cell)
    store = RecordStore(tmp_path)
    store.save(record, scores)
    truth, difference, *_ = cooccurrence.draw(subject_of(store)).axes
    wanted = cooccurrence.together(scores.labels == 1)
    assert np.asarray(truth.images[0].get_array()) == pytest.approx(wanted)
    # A difficult label counts as nothing.
    predicted = cooccurrence.together((scores.logits >= 0) & (scores.labels != 0))
    assert np.asarray(difference.images[0].get_array()) == pytest.approx(predicted - wanted)


def test_learning_curves_need_training(tmp_path: Path) -> None:
    subject = subject_of(small_store(tmp_path / "all"))
    loss, accuracy = learning.draw(subject).axes
    assert len(loss.lines) == 3, "the floor has none"
    assert loss.lines[0].get_xdata().tolist() == [1, 2]  # type: ignore[union-attr]
    assert loss.lines[0].get_ydata() == pytest.approx([0.5, 0.25])
    baseline = [record.metrics.mAP for record in subject.rows["resnet"] if record.metrics]
    assert accuracy.lines[0].get_ydata() == pytest.approx([100 * np.mean(baseline)])
    for draw in (learning.draw, cooccurrence.draw):
        with pytest.raises(UserError, match="No run on voc2007 was trained here"):
            draw(subject_of(store_made(tmp_path / "floor", made_cell("prior"))))


def test_a_run_with_changed_scores_is_left_out_and_named(tmp_path: Path) -> None:
    store = small_store(tmp_path)
    notes: list[str] = []
    for entry in sorted(store.folder.iterdir(), key=lambda entry: entry.name != made_cell().run_id()):
        path = entry / "scores.npz"
        path.write_bytes(path.read_bytes()[:-1] + b"x")
        if entry.name == made_cell().run_id():
            assert draw_figures(store, ["precision-recall"], tmp_path / "figures", note=notes.append)
    (note,) = notes
    assert made_cell().run_id() in note and "not those that the record was written with" in note
    with pytest.raises(
        UserError, match=r"No finished run under .+ not those that the record was written with"
    ):
        draw_figures(store, ["precision-recall"], tmp_path / "figures")


@pytest.mark.parametrize("module", [per_class, frequency, recall, learning, cooccurrence])
def test_nothing_is_cut_off(module: object, tmp_path: Path) -> None:
    store = RecordStore(tmp_path)
    methods = ("resnet", "resnet/pool=max", "ml-gcn/tau=0.5/layers=3", "ssgrl", "add-gcn", "salgl")
    for method in methods:
        store.save(*made_record(made_cell(method), LONG))
    figure: Figure = module.draw(subject_of(store))  # type: ignore[attr-defined]
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    pixels = np.asarray(canvas.buffer_rgba())
    assert (pixels < 255).any(), "something is drawn"
    for edge in (pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]):
        assert (edge == 255).all(), "what is cut off reaches the edge"


def test_a_method_has_one_colour_in_every_picture() -> None:
    everything = styles(["prior", "resnet", "resnet/pool=max", "ml-gcn", "salgl"])
    assert styles(["salgl"])["salgl"] == everything["salgl"]
    assert len({style.colour for style in everything.values()}) == 5
    many = styles([f"add-gcn/hidden={width}" for width in range(20)])
    drawn = {(style.colour, style.line, style.hatch) for style in many.values()}
    assert len(drawn) == 20 and {style.colour for style in many.values()} == set(COLOURS[1:])
