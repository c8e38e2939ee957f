"""What a model shows of itself: a map of each label, of every head, and in the frame of its picture."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from bench.engine.models.model_file import ModelCard
from bench.experiment.methods import MethodChoice
from bench.methods.backbones.build import build_backbone
from bench.methods.catalog import METHODS
from bench.methods.model import MultiLabelModel, earlier_dim, seeded_head
from bench.trained.overlay import on_picture, over
from bench.trained.views import look
from small_heads import CLASSES, SMALL, label_space

IMAGES = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (2, 3, 64, 64), dtype=np.uint8))


def made(name: str) -> MultiLabelModel:
    method, options = SMALL[name]
    torch.manual_seed(0)
    backbone = build_backbone("timm/test_byobnet")
    earlier = earlier_dim(method, backbone)
    head = seeded_head(method, method.options(**options), label_space(), backbone.feature_dim, 0, earlier)
    return MultiLabelModel(backbone, head).eval()


@pytest.mark.parametrize("name", SMALL)
def test_every_head_shows_its_maps_graph_and_scenes(name: str) -> None:
    model = made(name)
    with torch.inference_mode():
        views = look(model, IMAGES)
        logits = model(IMAGES).logits
    torch.testing.assert_close(views.logits, logits)
    method = SMALL[name][0].name
    if name == "add-gcn-graphs":  # that variant has no attention
        assert views.maps is None and views.kind is None
    else:
        assert views.maps is not None and views.maps.shape[:2] == (2, CLASSES)
        assert views.kind == ("activation" if method in ("resnet", "ml-gcn", "csra") else "attention")
        assert views.kind == "activation" or (views.maps >= 0).all()
    has_graph = method in ("ml-gcn", "ssgrl", "salgl", "tdrg", "add-gcn") and name != "add-gcn-attention"
    assert (views.graph is not None) == has_graph
    assert (views.scenes is not None) == (method == "salgl")


@pytest.mark.parametrize(("name", "pool"), [("resnet", "mean"), ("resnet-max", "amax"), ("ml-gcn", "amax")])
def test_an_activation_map_pools_to_the_score(name: str, pool: str) -> None:
    """Zhou et al.: the mean of the map is the score where features are averaged, but for the bias."""
    model = made(name)
    with torch.inference_mode():
        views = look(model, IMAGES)
        features, _ = model.maps(IMAGES)
    assert views.maps is not None
    classifiers = model.head.pooled_classifiers()
    assert classifiers is not None
    pooled = getattr(features.flatten(2), pool)(dim=2)
    bias = model.head.state_dict().get("classifier.bias", torch.zeros(CLASSES))
    torch.testing.assert_close(pooled @ classifiers.mT + bias, views.logits, rtol=1e-4, atol=1e-4)
    if pool == "mean":
        torch.testing.assert_close(views.maps.mean(dim=(2, 3)) + bias, views.logits, rtol=1e-4, atol=1e-4)


def card(side: int, resize: int) -> ModelCard:
    return ModelCard(
        method=MethodChoice(name="resnet", options=METHODS["resnet"].options().model_dump()),
        backbone="resnet18",
        feature_dim=8,
        mean=(0.0, 0.0, 0.0),
        std=(1.0, 1.0, 1.0),
        classes=("cat",),
        train_size=side,
        test_size=side,
        test_resize=resize,
        protocol="bench",
        precision="fp32",
        vectors="none",
        graph="none",
        train_images=1,
        source="a test",
        citation="",
    )


def test_a_map_lies_where_the_model_saw_it() -> None:
    """The right half is hot; the model saw the whole picture, or its centre."""
    hot: NDArray[np.float32] = np.zeros((8, 8), np.float32)
    hot[:, 4:] = 1
    whole = on_picture(hot, card(64, 64), (200, 100))
    assert whole.shape == (100, 200) and not np.isnan(whole).any()
    assert whole[:, :80].max() == 0 and whole[:, 120:].min() == 1
    cut = on_picture(hot, card(64, 128), (200, 100))
    seen = ~np.isnan(cut)
    assert seen[25:75, 50:150].all() and seen.sum() == 50 * 100
    assert np.nanmax(cut[:, :95]) < np.nanmin(cut[:, 105:])


@pytest.mark.parametrize("size", [(1, 1), (3, 500), (640, 1)])
def test_pictures_of_any_size_take_a_map(size: tuple[int, int]) -> None:
    drawn = on_picture(np.eye(7, dtype=np.float32), card(64, 73), size)
    assert drawn.shape == (size[1], size[0]) and not np.isnan(drawn).all()
    picture = over(Image.new("RGB", size, "grey"), drawn)
    assert picture.size == size


def test_what_the_model_did_not_see_is_grey_and_the_rest_goes_from_blue_to_red() -> None:
    hot: NDArray[np.float32] = np.zeros((8, 8), np.float32)
    hot[:, 4:] = 1
    picture = np.asarray(over(Image.new("RGB", (80, 80), "green"), on_picture(hot, card(64, 128), (80, 80))))
    outside, low, high = (picture[row, column].astype(int) for row, column in ((2, 2), (40, 24), (40, 56)))
    assert len(set(outside)) == 1
    assert high[0] > high[2] and low[0] < high[0]
