"""Whether a model that is scored was trained on the images: told from the lists of a collection."""

import pytest

from bench.datasets.catalog import DATASETS
from bench.engine.models.model_file import ModelCard
from bench.engine.planning.seen import note_of_scored
from small_models import small_model


@pytest.fixture(scope="module")
def card() -> ModelCard:
    return small_model("resnet").card


@pytest.mark.parametrize(
    ("trained_on", "held_out", "scored", "said"),
    [
        ("voc2007", False, "voc2007-train-val", "whose training split has these images"),
        ("voc2012-server", False, "voc2012", "whose training split has these images"),
        ("voc2007", True, "voc2007-train-val", ""),
        ("voc2007-train-val", False, "voc2007", ""),
        ("voc2007", False, "voc2007", ""),
        ("nuswide-70-30", False, "nuswide", "it may have seen some of these"),
        ("nuswide", False, "nuswide-150k", "it may have seen some of these"),
        ("nuswide", False, "nuswide-official", ""),
        ("coco2014", False, "coco2014-all", ""),
        ("scenes", False, "scenes-alike", ""),
        ("coco2014", False, "voc2007", ""),
        ("birds", False, "voc2007", ""),
        (None, False, "voc2007", ""),
    ],
)
def test_images_that_were_trained_on_are_told(
    trained_on: str | None, held_out: bool, scored: str, said: str, card: ModelCard
) -> None:
    of = card.model_copy(update={"data": trained_on, "held_out": held_out})
    note = note_of_scored(of, DATASETS[scored])
    assert (said in note) if said else note == ""
