"""Every method of the catalogue, and the variants that compute in another way, under the contract."""

import pytest
import torch

from bench.methods.catalog import METHODS
from bench.methods.contract import MethodContract, batch
from small_heads import CHANNELS, CLASSES, SMALL, trained


class TestResNet(MethodContract):
    method, options = SMALL["resnet"]
    overfit_steps = 300


class TestResNetMax(MethodContract):
    method, options = SMALL["resnet-max"]
    overfit_steps = 200


class TestMLGCN(MethodContract):
    method, options = SMALL["ml-gcn"]
    overfit_steps = 400


class TestSSGRL(MethodContract):
    method, options = SMALL["ssgrl"]


class TestSALGL(MethodContract):
    method, options = SMALL["salgl"]


class TestSALGLSoft(MethodContract):
    method, options = SMALL["salgl-soft"]


class TestADDGCN(MethodContract):
    method, options = SMALL["add-gcn"]
    smallest_batch = 2  # the dynamic graph normalises the summary of an image over the batch


class TestADDGCNAttentionAlone(MethodContract):
    method, options = SMALL["add-gcn-attention"]


class TestADDGCNGraphsAlone(MethodContract):
    method, options = SMALL["add-gcn-graphs"]
    smallest_batch = 2


class TestADDGCNOther(MethodContract):
    method, options = SMALL["add-gcn-other"]
    smallest_batch = 2


class TestQuery2Label(MethodContract):
    method, options = SMALL["query2label"]


class TestQuery2LabelProjected(MethodContract):
    method, options = SMALL["query2label-project"]


class TestCTran(MethodContract):
    method, options = SMALL["c-tran"]


class TestCTranPositions(MethodContract):
    method, options = SMALL["c-tran-positions"]


class TestTDRG(MethodContract):
    method, options = SMALL["tdrg"]
    smallest_batch = 2  # the guidance of the graph is normalised over the batch


class TestTDRGBatch(MethodContract):
    method, options = SMALL["tdrg-batch"]
    smallest_batch = 2

    def test_an_image_is_scored_alone_as_in_a_batch(self) -> None:
        """It is not, as published: a score depends on the images beside it."""
        head, (features, _) = self.trained(), batch()
        with torch.no_grad():
            together = head(features).logits
            alone = torch.cat([head(image[None]).logits for image in features])
        assert (alone - together).abs().max() > 1e-3 * together.abs().max()


class TestCSRA(MethodContract):
    method, options = SMALL["csra"]
    overfit_steps = 200


class TestCSRAFourHeads(MethodContract):
    method, options = SMALL["csra-4heads"]


class TestMLDecoder(MethodContract):
    method, options = SMALL["ml-decoder"]


def test_every_method_of_the_catalogue_is_under_contract() -> None:
    assert {test.method.name for test in MethodContract.__subclasses__()} >= METHODS.keys()


@pytest.mark.parametrize("name", ["add-gcn", "salgl", "ml-decoder"])
@pytest.mark.parametrize("size", [(1, 5), (7, 3)])
def test_attention_is_seen_at_the_size_of_the_map(name: str, size: tuple[int, int]) -> None:
    output = trained(name)(torch.rand(2, CHANNELS, *size))
    assert output.views["attention"].shape == (2, CLASSES, *size)
