"""Vectors of class names from BERT, as SALGL (ICCV 2023) makes them in its `scripts/embedding.py`."""

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.errors import UserError
from bench.methods.vectors.words import spelt

PUBLISHED = "bert-base-uncased"
HUB = "google-bert/bert-base-uncased"
"""Where the model that the paper used is published."""
WEIGHTS = "model.safetensors"
"""Of the two formats that there are the other one is a pickle."""
VOCABULARY = ("vocab.txt", "tokenizer.json")


def bert_vectors(folder: Path | None, names: tuple[str, ...]) -> tuple[NDArray[np.float32], tuple[str, ...]]:
    """One vector per class from the last layer of BERT.

    A name in ordinary words is given with `[CLS]` in front and no `[SEP]` behind, all of it as the second
    segment. Its vector is that of its only word piece; that of `[CLS]` where it has several.

    Args:
        folder: a model as `save_pretrained` writes it, with its tokenizer; None for the published one, from
            the cache of Hugging Face or its hub.
        names: C class names.

    Returns:
        `(C, d)`, and for each class the words and which vector was taken.

    Raises:
        UserError: `transformers` is not installed, or the model cannot be loaded.
    """
    try:
        transformers = import_module("transformers")
    except ImportError as error:
        raise UserError(
            "BERT vectors need the package transformers: pip install 'mlr-bench[bert]'."
        ) from error
    tokenizer, model = _load(transformers, folder or _published())
    import torch

    rows, made_of = [], []
    with torch.inference_mode():
        for name in names:
            pieces = tokenizer.tokenize(spelt(name))
            ids = torch.tensor([[tokenizer.cls_token_id, *tokenizer.convert_tokens_to_ids(pieces)]])
            hidden = model(input_ids=ids, token_type_ids=torch.ones_like(ids)).last_hidden_state[0]
            alone = len(pieces) == 1
            rows.append(hidden[1 if alone else 0].float().numpy())
            made_of.append(f"{spelt(name)} ({'its word piece' if alone else '[CLS]'})")
    return np.stack(rows), tuple(made_of)


def _published() -> Path:
    """The folder of the published model in the cache of Hugging Face, downloaded where it is not there."""
    hub = import_module("huggingface_hub")
    for name in (HUB, PUBLISHED):  # its name today, and the one of older caches
        found = hub.try_to_load_from_cache(name, WEIGHTS)
        if isinstance(found, str):
            return Path(found).parent
    try:
        return Path(hub.snapshot_download(HUB, allow_patterns=[*VOCABULARY, "*config.json", WEIGHTS]))
    except Exception as error:  # of the packages below, each with kinds of its own
        raise UserError(
            f"{HUB} is not in the cache of Hugging Face and cannot be downloaded ({_first_line(error)}); "
            "get it another way and name its folder as bert:DIR."
        ) from error


def _load(transformers: Any, folder: Path) -> tuple[Any, Any]:
    """The tokenizer and the model, in evaluation mode."""
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    absent = [name for name in ("config.json", WEIGHTS) if not (folder / name).is_file()]
    if absent or not any((folder / name).is_file() for name in VOCABULARY):
        raise UserError(
            f"{folder} holds no BERT: it takes config.json, {WEIGHTS} and the vocabulary, as save_pretrained "
            f"writes them; {' and '.join(absent) or 'vocab.txt'} is missing."
        )
    try:
        kind = json.loads((folder / "config.json").read_bytes()).get("model_type")
        # Its relatives would load too, weights of the same names being used in another way.
        if kind != "bert":
            raise ValueError(f"its config.json says that it is a {kind}")
        tokenizer = transformers.BertTokenizer.from_pretrained(folder, local_files_only=True)
        model, loading = transformers.BertModel.from_pretrained(
            folder,
            add_pooling_layer=False,
            use_safetensors=True,
            local_files_only=True,
            output_loading_info=True,
        )
    except Exception as error:  # of the packages below, each with kinds of its own
        raise UserError(f"The BERT in {folder} cannot be loaded: {_first_line(error)}.") from error
    if loading["missing_keys"]:
        raise UserError(f"{folder} holds no BERT: its weights lack {min(loading['missing_keys'])}.")
    return tokenizer, model.eval()


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__).rstrip(".")
