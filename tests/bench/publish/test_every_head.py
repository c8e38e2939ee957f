"""Every built-in method is exported to both formats, for any batch, or refused with the reason."""

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from bench.cli.work_files import EXPORTED
from bench.errors import UserError
from bench.methods.catalog import METHODS
from bench.progress import Progress
from bench.publish.export import export
from bench.publish.formats import FORMATS
from bench.publish.graph import Scoring, traced
from small_heads import CLASSES
from small_models import SIDE, small_model, tiny_backbone, write_small

# One as large as the number of classes, which some tracers take for the same number.
BATCHES = (1, 2, 5, CLASSES)
PROPERTIES = {"classes": '["a", "b"]'}


def images(size: int) -> NDArray[np.uint8]:
    return np.random.default_rng(size).integers(0, 256, (size, 3, SIDE, SIDE), dtype=np.uint8)


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_a_file_of_each_format_scores_as_the_model_for_any_batch(method: str, tmp_path: Path) -> None:
    made = small_model(method, tiny_backbone())
    program = traced(Scoring(made.model, 2.0).eval(), made.card)
    for form, how in FORMATS.items():
        path = tmp_path / f"model{how.suffix}"
        how.write(program, path, PROPERTIES)
        score = how.load(path)
        for size in BATCHES:
            with torch.inference_mode():
                expected = made.model(torch.from_numpy(images(size))).logits.numpy()
            logits, probabilities = score(images(size))
            tight, what = 1e-5 * np.abs(expected).max(), f"{form}, batch of {size}"
            np.testing.assert_allclose(logits, expected, rtol=0, atol=tight, err_msg=what)
            wanted = 1 / (1 + np.exp(-expected / 2))
            np.testing.assert_allclose(probabilities, wanted, rtol=0, atol=1e-6, err_msg=what)
        assert np.ptp(expected, axis=0).max() > 20 * tight, "all images have the same scores"


def test_bench_clean_knows_every_file_of_an_export() -> None:
    endings = {how.suffix for how in FORMATS.values()}
    assert set(EXPORTED) == endings | {f"{ending}.json" for ending in endings}


def test_more_weights_than_one_onnx_file_holds_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.publish.formats._LARGEST_ONNX", 1000)
    made = small_model("resnet", tiny_backbone())
    with pytest.raises(UserError, match=r"bytes of weights, more than .* use --format torch"):
        FORMATS["onnx"].write(traced(Scoring(made.model, 1.0).eval(), made.card), tmp_path / "m.onnx", {})


@pytest.mark.parametrize("form", FORMATS)
def test_a_head_whose_scores_depend_on_the_batch_is_refused(form: str, tmp_path: Path) -> None:
    model = tmp_path / "model.safetensors"
    write_small(model, "tdrg-batch")

    def silent(_: str) -> Progress:
        return lambda done, total: None

    with pytest.raises(UserError, match=r"tdrg/.*attention=batch.* depend on the other images.*positions"):
        export(model, form, None, (), silent)
    assert list(tmp_path.iterdir()) == [model]
