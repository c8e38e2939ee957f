"""Whether a model that is started from, or scored, was trained on images that are chosen or measured on."""

from typing import TYPE_CHECKING

from bench.datasets.catalog import DATASETS, same_images
from bench.datasets.opened import DataSet
from bench.errors import UserError

if TYPE_CHECKING:
    from bench.datasets.info import DataSetInfo
    from bench.engine.models.model_file import ModelCard
    from bench.engine.models.warm_start import StartModel


def refuse_seen(start: "StartModel", dataset: DataSet, validation: bool, test: bool) -> None:
    """Refuse a model to start from that was trained on what is looked at.

    Of another data set of the same collection it is known of official lists alone whether they are one
    another's. The images of a validation split may be any of the collection.

    Args:
        start: the model.
        dataset: that is trained on.
        validation: its validation split is looked at.
        test: its test split is.

    Raises:
        UserError: it was trained on these images, or perhaps on those of the validation split.
    """
    name, card = dataset.info.name, start.card
    if validation and card.data == name and not card.held_out:
        raise UserError(
            f"{start.path} was trained on all of the training split of {name}, and so on its validation "
            "split, where nothing can be chosen or measured then: start from a model of a run with `--split "
            "validation`, or leave --init-from out."
        )
    if not _of_same_collection(card, name):
        return
    if validation:
        raise UserError(
            f"{start.path} was trained on {card.data}, which has the same images as {name} in other splits, "
            f"and so perhaps on the validation split of {name}, where nothing could be chosen or measured: "
            f"start from a model of a run on {name} with `--split validation`, or leave --init-from out."
        )
    if test and dataset.info.eval_split in _lists_trained_on(card):
        raise UserError(
            f"{start.path} was trained on {card.data}, whose training split has the test images of {name}: "
            f"start from a model of a run on {name}, or leave --init-from out."
        )


def note_of_start(start: "StartModel", dataset: DataSet) -> str:
    """What is to be known of a model to start from that nothing refuses, or nothing."""
    name, card = dataset.info.name, start.card
    if not _of_same_collection(card, name):
        return ""
    return (
        f"{name}: {start.path.name} was trained on {card.data}, which has the same images in other splits; "
        f"test images of {name} may be among those"
    )


def note_of_scored(card: "ModelCard", info: "DataSetInfo") -> str:
    """What is to be known of the scores of a model on the test images of a data set, or nothing."""
    if not _of_same_collection(card, info.name):
        return ""
    if info.eval_split in _lists_trained_on(card):
        return (
            f"the model was trained on {card.data}, whose training split has these images: these numbers say "
            "nothing of new ones"
        )
    if info.made or DATASETS[card.data or ""].made:
        return (
            f"the model was trained on {card.data}, which has the same images in other splits: it may have "
            "seen some of these, and the numbers be too good"
        )
    return ""


def _of_same_collection(card: "ModelCard", name: str) -> bool:
    """Whether a model was trained on the images of a data set under another name."""
    return card.data not in (None, name) and same_images(card.data or "", name)


def _lists_trained_on(card: "ModelCard") -> set[str]:
    """The lists of a collection that a model was trained on, as far as they have names there."""
    info = DATASETS[card.data or ""]
    if card.held_out:
        return {info.for_validation().train_split}
    return {info.train_split, *(info.validation if isinstance(info.validation, tuple) else ())}
