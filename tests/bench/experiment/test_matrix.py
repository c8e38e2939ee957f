"""What the user asks for: merged, checked, refused by name, and turned into cells with their states."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from bench.cli import main
from bench.engine.planning.plan import Cell, plan
from bench.errors import UserError
from bench.experiment.loss import ASL
from bench.experiment.matrix import MatrixSpec, load_matrix, parse_settings
from bench.experiment.methods import MethodChoice, options_of, parse_methods
from bench.experiment.schedule import load_schedule
from bench.methods.backbones.initial_weights import InitialWeights, initial_weights
from bench.methods.catalog import METHODS
from bench.methods.vectors.source import vector_source
from bench.records.store import RECORD, RecordStore
from bench.settings import work_folder
from made_records import CLASSES, SCHEDULE, failed_record, made_cell, made_data, made_record

Write = Callable[[str], Path]


@pytest.fixture
def spec(tmp_path: Path) -> Write:
    def write(text: str) -> Path:
        path = tmp_path / "spec.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_a_tilde_in_a_file_is_the_home_folder(spec: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")
    monkeypatch.setenv("BENCH_WORK", "~/work")
    matrix = load_matrix(
        spec("data: voc2007\nresults: ~/runs\ndata_root: ~/data\ninit_from: ~/a.pth\nskip_bad: ~/bad.txt\n"),
        {},
    )
    home = Path("/home/somebody")
    assert (matrix.results, matrix.data_root, matrix.init_from) == (
        home / "runs",
        home / "data",
        home / "a.pth",
    )
    assert matrix.skip_bad == home / "bad.txt"
    assert RecordStore(Path("~/runs")).folder == home / "runs" / "runs" and work_folder() == home / "work"
    with pytest.raises(UserError, match=r"/home/somebody/none\.pth does not exist"):
        initial_weights("~/none.pth")
    with pytest.raises(UserError, match=r"/home/somebody/none\.txt"):
        vector_source("~/none.txt")


def test_the_command_line_wins_over_the_file(spec: Write) -> None:
    file = spec("data: voc2007\nepochs: 5\nbatch_size: 8\nmethods: [resnet, ml-gcn]\n")
    matrix = load_matrix(file, {"epochs": 2, "methods": "salgl"})
    assert (matrix.data, matrix.methods) == (("voc2007",), ("salgl",))
    assert matrix.schedule_overrides() == [{"epochs": 2, "batch_size": 8}]
    assert load_matrix(file, {}).methods == ("resnet", "ml-gcn")


def test_keys_take_hyphens_and_underscores(spec: Write) -> None:
    hyphens = load_matrix(spec("data: scenes\nbatch-size: 8\nlimit-train: 9\ndry-run: true\n"), {})
    underscores = load_matrix(spec("data: scenes\nbatch_size: 8\nlimit_train: 9\ndry_run: true\n"), {})
    assert hyphens == underscores
    assert (hyphens.batch_size, hyphens.limit_train, hyphens.dry_run) == (8, 9, True)


def test_every_option_of_run_is_a_key_and_the_reverse() -> None:
    command: Any = main.get_command(None, "run")  # type: ignore[arg-type]
    assert {option.name for option in command.params} == {"spec", "name", "debug", *MatrixSpec.model_fields}


@pytest.mark.parametrize("seeds", ["1, 2,1", [1, 2, 1], ["1", "2"], (1, 2)])
def test_lists_and_comma_strings_mean_the_same_and_repeats_count_once(seeds: object) -> None:
    matrix = load_matrix(
        None, {"data": "voc2007,scenes,voc2007", "seeds": seeds, "methods": "resnet, resnet"}
    )
    assert (matrix.data, matrix.seeds, matrix.methods) == (("voc2007", "scenes"), (1, 2), ("resnet",))
    assert load_matrix(None, {"data": "scenes", "seeds": 7}).seeds == (7,)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("metods: resnet", "'metods' is not a known key, did you mean 'methods'"),
        ("batch-sise: 2", "'batch_sise' is not a known key, did you mean 'batch_size'"),
        ("wholly_unknown: 2", "'wholly_unknown' is not a known key; known: backbone, batch_size"),
        ("seeds: one", "'seeds.0' is 'one': seeds are whole numbers separated by commas, as in 0,1,2"),
        ("seeds: 0-2", "'seeds.0' is '0-2': seeds are whole numbers separated by commas, as in 0,1,2"),
        ("seeds: [0, -1]", "'seeds.1' is -1"),
        ("data: []", "'data' is "),
        ("overwrite: never", "'overwrite' is 'never'"),
        ("limit-train: 1", "'limit_train' is 1"),
        ("device: tpu", "'device' is 'tpu'"),
        ("workers: -1", "'workers' is -1"),
    ],
)
def test_a_bad_key_or_value_is_refused_by_name(text: str, message: str, spec: Write) -> None:
    file = spec(f"data: scenes\n{text}" if not text.startswith("data") else text)
    with pytest.raises(UserError, match=f"^In {file}: .*{message}"):
        load_matrix(file, {})


def test_the_command_prints_a_misspelt_key_as_one_sentence(spec: Write) -> None:
    result = CliRunner().invoke(main, ["run", "--spec", str(spec("data: scenes\nepoch: 1\n"))])
    assert result.exit_code == 2
    assert (
        "Error: In " in result.output and "'epoch' is not a known key, did you mean 'epochs'" in result.output
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"- data", "is not a mapping"),
        (b"", "is not a mapping"),
        (b"a: [", "not YAML"),
        (b"a: \xff", "not YAML"),
    ],
)
def test_a_file_of_another_kind_is_refused(content: bytes, message: str, tmp_path: Path) -> None:
    file = tmp_path / "spec.yaml"
    file.write_bytes(content)
    with pytest.raises(UserError, match=message):
        load_matrix(file, {})


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="'data' is missing"):
        load_matrix(None, {})
    with pytest.raises(UserError, match=r"nothing.yaml does not exist"):
        load_matrix(tmp_path / "nothing.yaml", {})


def labels(*texts: str) -> list[str]:
    return [choice.label() for choice in parse_methods(texts)]


def test_methods_with_options() -> None:
    assert labels("all") == ["resnet", "resnet/pool=max", *(name for name in METHODS if name != "resnet")]
    assert labels("resnet", "resnet/pool=max", "resnet/pool=avg") == ["resnet", "resnet/pool=max"]
    assert labels("salgl", "all") == ["salgl", *(label for label in labels("all") if label != "salgl")]
    assert labels("salgl/soft=true/scenes=4") == ["salgl/scenes=4/soft=True"]
    (choice,) = parse_methods(("ml-gcn/tau=1e-1",))
    assert options_of(choice).model_dump()["tau"] == 0.1
    # All options are in the record, so that a later change of a default is another run.
    assert set(choice.options) == set(METHODS["ml-gcn"].options.model_fields)
    assert MethodChoice(name="prior").label() == "prior"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("resnett", "Unknown method 'resnett'. Did you mean 'resnet'"),
        ("prior", "Unknown method 'prior'"),  # it is in every matrix, and not to be asked for
        ("ml-gcn/taw=1", "Unknown option of ml-gcn 'taw'. Did you mean 'tau'"),
        ("ml-gcn/tau", "write its options as ml-gcn/key=value, not 'tau'"),
        ("ml-gcn/tau=2", "Method 'ml-gcn/tau=2': 'tau' is 2"),
        ("ml-gcn/tau=nan", "'tau' is 'nan'"),
        ("ml-gcn/tau=", "'tau' is None"),
        ("resnet/pool=max/pool=avg", "Method 'resnet/pool=max/pool=avg': pool is given twice"),
        ("resnet/pool=[", "Method 'resnet/pool=.': '.' is no value for pool"),
    ],
)
def test_a_bad_method_is_refused_by_name(text: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        parse_methods((text,))


@pytest.fixture
def matrix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., MatrixSpec]:
    """A matrix on a data set that needs no files, and an empty store."""
    monkeypatch.setenv("BENCH_WORK", str(tmp_path / "work"))
    monkeypatch.setattr("bench.engine.planning.plan.open_dataset", lambda *_, **__: made_data())

    def make(**given: Any) -> MatrixSpec:
        fields = {"data": "voc2007", "methods": "resnet,ml-gcn", "results": tmp_path / "results"}
        return load_matrix(None, {**fields, **given})

    return make


def states(cells: list[Cell]) -> list[str]:
    return [cell.state for cell in cells]


def test_the_plan_has_every_cell_and_the_prior_once(matrix: Callable[..., MatrixSpec]) -> None:
    cells = plan(matrix(seeds="5,6", epochs=3, protocol="ml-gcn"))
    assert [(cell.spec.method.name, cell.spec.seed) for cell in cells] == [
        ("prior", 0),
        *((method, seed) for seed in (5, 6) for method in ("resnet", "ml-gcn")),
    ]
    assert states(cells) == ["to run"] * 5
    assert len({cell.spec.run_id() for cell in cells}) == 5
    assert len({cell.spec.conditions() for cell in cells}) == 1
    for cell in cells:
        assert cell.spec.schedule == load_schedule("identical", {"epochs": 3})
        assert (cell.spec.schedule_name, cell.spec.protocol.name) == ("identical", "ml-gcn")
        assert cell.spec.data_fingerprint == made_data().fingerprint()


def test_the_states_follow_what_is_stored_and_overwrite(matrix: Callable[..., MatrixSpec]) -> None:
    asked = {"methods": "resnet,ml-gcn,salgl"}
    _, resnet, ml_gcn, salgl = (cell.spec for cell in plan(matrix(**asked)))
    store = RecordStore(matrix().results)
    for finished in (resnet, salgl):
        store.save(*made_record(finished))
    store.save(failed_record(ml_gcn, "the loss is nan"), None)
    (store.folder / salgl.run_id() / RECORD).write_text("{")
    cells = plan(matrix(**asked))
    assert states(cells) == ["to run", "finished", "failed", "damaged"]
    assert [cell.fresh for cell in cells] == [False, True, True, True]
    assert cells[2].detail == "the loss is nan" and RECORD in cells[3].detail
    assert states(plan(matrix(**asked, overwrite="failed"))) == ["to run", "finished", "to run", "to run"]
    assert states(plan(matrix(**asked, overwrite="always"))) == ["to run"] * 4
    # A change of any condition makes other cells; the stored ones are not taken for them.
    assert states(plan(matrix(**asked, epochs=1))) == ["to run"] * 4
    assert states(plan(matrix(**asked, seeds="0,1"))) == [*states(cells), *["to run"] * 3]


@pytest.mark.parametrize(
    ("names", "differ"),
    [
        (("crow", *CLASSES[1:]), f"names of the classes (class 1 is crow, {CLASSES[0]})"),
        (CLASSES[::-1], f"order of the classes (class 1 is {CLASSES[-1]}, {CLASSES[0]})"),
    ],
)
def test_a_run_of_classes_that_were_renamed_since_is_not_taken_for_done(
    names: tuple[str, ...], differ: str, matrix: Callable[..., MatrixSpec]
) -> None:
    """The hash of the data is that of images and labels: its tables would name the wrong class."""
    _, resnet = (cell.spec for cell in plan(matrix(methods="resnet")))
    RecordStore(matrix().results).save(*made_record(resnet, names))
    with pytest.raises(UserError) as refused:
        plan(matrix(methods="resnet"))
    assert f"{resnet.run_id()} is stored with other {differ}: " in str(refused.value)
    assert states(plan(matrix(methods="resnet", overwrite="always"))) == ["to run"] * 2


def test_a_weights_file_is_known_by_its_content(matrix: Callable[..., MatrixSpec], tmp_path: Path) -> None:
    def digest(folder: str, content: bytes) -> tuple[str, str, str | None]:
        path = tmp_path / folder / "weights.pth"
        path.parent.mkdir()
        path.write_bytes(content)
        cell = plan(matrix(weights=str(path)))[0]
        assert cell.weights == InitialWeights(str(path), path)
        return cell.spec.key(), cell.spec.schedule.weights, cell.spec.weights_digest

    first = digest("a", b"one")
    assert first[1] == "weights.pth"
    assert digest("b", b"one") == first
    assert digest("c", b"two")[0] != first[0]
    assert plan(matrix(weights="none"))[0].spec.weights_digest is None


def test_vectors_from_a_file_are_known_by_their_values(
    matrix: Callable[..., MatrixSpec], tmp_path: Path
) -> None:
    def identity(name: str, number: float) -> str:
        file = tmp_path / name
        file.write_text("".join(f"{word} {number} {row}\n" for row, word in enumerate(CLASSES)))
        return plan(matrix(vectors=str(file)))[0].spec.key()

    assert plan(matrix())[0].spec.vectors == "label-sets"
    assert identity("a.txt", 0.5) == identity("b.txt", 0.5) != identity("c.txt", 0.25)


def test_a_typo_is_found_before_any_file_is_read(
    matrix: Callable[..., MatrixSpec], monkeypatch: pytest.MonkeyPatch
) -> None:
    def opened(*_: object) -> None:
        raise AssertionError("the data was read")

    monkeypatch.setattr("bench.engine.planning.plan.open_dataset", opened)
    for wrong in ("methods", "data", "schedule", "protocol"):
        with pytest.raises(UserError, match=r"Unknown .* 'wrong'.* Known: "):
            plan(matrix(**{wrong: "wrong"}))


@pytest.mark.parametrize(
    ("train", "batch_size", "accumulate", "epochs", "steps"),
    [(18, 4, 1, 1, 4), (18, 4, 2, 3, 6), (18, 4, 3, 3, 6), (18, 6, 2, 1, 2), (3, 4, 5, 2, 2)],
)
def test_steps(
    train: int, batch_size: int, accumulate: int, epochs: int, steps: int, matrix: Callable[..., MatrixSpec]
) -> None:
    prior, resnet, _ = plan(matrix())
    fields = {"batch_size": batch_size, "accumulate": accumulate, "epochs": epochs}
    spec = made_cell("resnet", schedule=SCHEDULE.model_copy(update=fields))
    assert replace(resnet, spec=spec, dataset=made_data(train)).steps() == steps
    assert prior.steps() == 0


def test_any_field_of_the_schedule_can_be_set(matrix: Callable[..., MatrixSpec], tmp_path: Path) -> None:
    texts = ("lr=3e-4", "loss=asl", "milestones=[1, 2]", "decay=step", "clip-norm=", "flip=false")
    cell = plan(matrix(set=parse_settings(texts)))[0]
    schedule = cell.spec.schedule
    assert (schedule.lr, schedule.loss, schedule.milestones) == (3e-4, ASL(), (1, 2))
    assert (schedule.decay, schedule.clip_norm, schedule.flip) == ("step", None, False)
    nested = plan(matrix(set=parse_settings(["loss={name: asl, gamma_neg: 2}"])))[0].spec.schedule.loss
    assert nested == ASL(gamma_neg=2)
    file = tmp_path / "spec.yaml"
    file.write_text("data: voc2007\nset: {lr: 3.0e-4}\nepochs: 3\n")
    (overrides,) = load_matrix(file, {}).schedule_overrides()
    assert overrides == {"lr": 3e-4, "epochs": 3}
    # By name or with set, it is the same run.
    assert plan(matrix(epochs=2))[0].spec.key() == plan(matrix(set={"epochs": 2}))[0].spec.key()


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["lr"], "Write --set FIELD=VALUE, not --set 'lr'"),
        (["=3"], "Write --set FIELD=VALUE, not --set '=3'"),
        (["lr=1", "lr=2"], "The field lr is set twice"),
        (["lr=["], r"In --set: '\[' is no value for lr"),
        (["lrr=1"], "'lrr' is not a known key, did you mean 'lr'"),
        (["lr=fast"], "'lr' is 'fast': input should be a valid number"),
        (["epochs=0"], "'epochs' is 0"),
        (["decay=cosin"], "did you mean 'cosine'"),
        (["about=x"], "it cannot be set"),
        (["momentum=0.5"], "'momentum' has no effect, as it needs optimizer 'sgd'"),
    ],
)
def test_a_wrong_setting_is_one_sentence(
    texts: list[str], message: str, matrix: Callable[..., MatrixSpec]
) -> None:
    with pytest.raises(UserError, match=message):
        plan(matrix(set=parse_settings(texts)))


def test_a_field_is_given_once(matrix: Callable[..., MatrixSpec]) -> None:
    with pytest.raises(UserError, match="epochs is given twice, as an option and with set"):
        matrix(epochs=1, set={"epochs": 1})
