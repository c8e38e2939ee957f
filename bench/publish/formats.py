"""The formats that a graph is written to, and how a file of each is run again."""

import io
import json
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch.export import ExportedProgram

from bench.errors import UserError
from bench.publish.description import BATCH, INPUT, OUTPUTS

Floats = NDArray[np.float32]
Score = Callable[[NDArray[np.uint8]], tuple[Floats, Floats]]
"""From `(B, 3, S, S)` to logits and probabilities, `(B, C)` each."""

PROPERTIES: Final = "bench.json"
"""The file within a .pt2 that says what the model is."""
# From here on PyTorch writes the weights to a second file, which would keep the name of the temporary one.
_LARGEST_ONNX: Final = 1500 * 2**20


@dataclass(frozen=True)
class Format:
    """A format.

    Attributes:
        about: what a file of it is.
        suffix: of its files.
        packages: what is needed to write and run them, besides PyTorch.
        write: writes a graph to a path, with what it says of itself.
        load: a file, ready to score; it runs on the CPU.
    """

    about: str
    suffix: str
    packages: tuple[str, ...]
    write: Callable[[ExportedProgram, Path, Mapping[str, str]], None]
    load: Callable[[Path], Score]

    def require(self) -> None:
        """See that its packages are there.

        Raises:
            UserError: one is missing.
        """
        missing = [name for name in self.packages if find_spec(name) is None]
        if missing:
            raise UserError(
                f"Exporting to ONNX needs {' and '.join(missing)}: pip install 'mlr-bench[onnx]', or use "
                "--format torch."
            )

    def versions(self) -> dict[str, str]:
        """Of the packages that it is written and run with."""
        return {name: version(name) for name in ("torch", *self.packages)}


def _write_onnx(program: ExportedProgram, path: Path, properties: Mapping[str, str]) -> None:
    size = sum(tensor.nbytes for tensor in program.state_dict.values())
    if size > _LARGEST_ONNX:
        raise UserError(
            f"The model has {size:,} bytes of weights, more than is written to one ONNX file: use --format "
            "torch."
        )
    with _quietly():
        # Not optimised: folding constants makes NaN of SALGL's label graph (onnxscript 0.7). What runs an
        # ONNX file optimises it all the same.
        made = torch.onnx.export(
            program,
            dynamo=True,
            optimize=False,
            input_names=[INPUT],
            output_names=list(OUTPUTS),
            dynamic_shapes={INPUT: {0: BATCH}},
            verbose=False,
        )
        assert made is not None
        made.model.metadata_props.update(properties)
        made.save(str(path))


def _load_onnx(path: Path) -> Score:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def score(images: NDArray[np.uint8]) -> tuple[Floats, Floats]:
        logits, probabilities = session.run(list(OUTPUTS), {INPUT: images})
        return logits, probabilities

    return score


def _write_torch(program: ExportedProgram, path: Path, properties: Mapping[str, str]) -> None:
    described = {name: json.loads(text) for name, text in properties.items()}
    # Not to the file itself: where the disk is full, PyTorch's writer ends the process.
    content = io.BytesIO()
    with _quietly():
        torch.export.save(
            program, content, extra_files={PROPERTIES: json.dumps(described, ensure_ascii=False)}
        )
    path.write_bytes(content.getbuffer())


def _load_torch(path: Path) -> Score:
    with _quietly():
        module = torch.export.load(path).module()

    def score(images: NDArray[np.uint8]) -> tuple[Floats, Floats]:
        with torch.no_grad():
            logits, probabilities = module(torch.from_numpy(images))
        return logits.numpy(), probabilities.numpy()

    return score


@contextmanager
def _quietly() -> Iterator[None]:
    """Without the warnings and logs of the exporters, which speak of their own insides."""
    before = logging.root.manager.disable
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.disable(logging.ERROR)
        try:
            yield
        finally:
            logging.disable(before)


FORMATS: Final[Mapping[str, Format]] = {
    "onnx": Format(
        "the model as an ONNX graph, from uint8 pixels to logits and probabilities",
        ".onnx",
        ("onnx", "onnxscript", "onnxruntime"),
        _write_onnx,
        _load_onnx,
    ),
    "torch": Format(
        "the model as a program of torch.export, from uint8 pixels to logits and probabilities",
        ".pt2",
        (),
        _write_torch,
        _load_torch,
    ),
}
