"""Keep the backbone of a stored model alone, as a file of initial weights: `make demo-backbone` runs this."""

import sys
from pathlib import Path

from bench.engine.models.model_file import load_model
from bench.tensors import write_tensors


def keep_backbone(model: Path, file: Path) -> None:
    """Write the weights of a model's backbone under the names of its library.

    Args:
        model: `model.safetensors` of a run.
        file: what is written, safetensors.
    """
    network = load_model(model).model.backbone.network
    state = {
        name.removeprefix("network."): value.contiguous() for name, value in network.state_dict().items()
    }
    write_tensors(file, state)


if __name__ == "__main__":
    keep_backbone(Path(sys.argv[1]), Path(sys.argv[2]))
