"""Class vectors from BERT by the published rule, with a small BERT made here."""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.errors import UserError
from bench.methods.vectors.bert import HUB, PUBLISHED
from bench_command import bench
from word_files import read

WORD_PIECES = (
    *("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"),
    *("dining", "table", "dog", "tv", "monitor", "pot", "##ted", "plant", "cat"),
)
NAMES = ("dog", "diningtable", "pottedplant", "Tv_Monitor", "cat")


@pytest.fixture(scope="module")
def transformers() -> Any:
    return pytest.importorskip("transformers", reason="the extra 'bert' is not installed")


@pytest.fixture(scope="module")
def small(transformers: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT of two layers with drawn weights, as a user stores one."""
    import torch

    folder = tmp_path_factory.mktemp("models") / "small"
    folder.mkdir()
    (folder / "vocab.txt").write_text("".join(f"{piece}\n" for piece in WORD_PIECES))
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    torch.manual_seed(0)
    config = transformers.BertConfig(vocab_size=len(WORD_PIECES), **sizes)
    transformers.BertForPreTraining(config).save_pretrained(folder)  # with heads, as the published one
    return folder


def published_rule(transformers: Any, folder: Path, text: str) -> np.ndarray:
    """The last layer for '[CLS] text' without [SEP]: token 1 of two, token 0 of more."""
    import torch

    tokenizer = transformers.BertTokenizer.from_pretrained(folder)
    model = transformers.BertModel.from_pretrained(folder)
    ids = torch.tensor([tokenizer.convert_tokens_to_ids(tokenizer.tokenize(f"[CLS] {text}"))])
    with torch.no_grad():
        states = model(ids, token_type_ids=torch.ones_like(ids), output_hidden_states=True).hidden_states
    return states[-1][0, 1 if ids.shape[1] == 2 else 0].numpy()


def test_a_single_word_piece_is_taken_itself_and_cls_for_several(
    transformers: Any, small: Path, tmp_path: Path
) -> None:
    made = read(f"bert:{small}", NAMES, tmp_path)
    texts = ("dog", "dining table", "potted plant", "tv monitor", "cat")
    expected = [published_rule(transformers, small, text) for text in texts]
    assert np.allclose(made.values, expected, atol=1e-6)
    assert made.made_of[:2] == ("dog (its word piece)", "dining table ([CLS])")
    assert len({tuple(row) for row in made.values.tolist()}) == 5
    assert made.identity() == f"bert:small:{made.digest()}"


def test_vectors_are_kept_for_machines_without_transformers(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = bench(tmp_path, None, "labels", "vectors", "voc2007", "--from", f"bert:{small}")
    assert made.exit_code == 0, made.output
    assert "20 vectors of 16 numbers" in made.output and "dog: dog (its word piece); nearest" in made.output
    monkeypatch.setitem(sys.modules, "transformers", None)
    again = bench(tmp_path, None, "labels", "vectors", "voc2007", "--from", f"bert:{small}")
    assert again.output == made.output


@pytest.mark.parametrize("name", [HUB, PUBLISHED])
def test_the_published_model_is_taken_from_the_cache_of_hugging_face(
    name: str, small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(UserError, match=r"bert-base-uncased is not in the cache .* folder as bert:DIR\.$"):
        read("bert", NAMES, tmp_path)
    repository = tmp_path / "hub" / f"models--{name.replace('/', '--')}"
    shutil.copytree(small, repository / "snapshots" / "0123abcd")
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("0123abcd")
    made = read("bert", NAMES, tmp_path)
    assert (made.values == read(f"bert:{small}", NAMES, tmp_path).values).all()
    assert made.identity() == f"bert-base-uncased:{made.digest()}"


def test_without_transformers_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    result = bench(tmp_path, None, "labels", "vectors", "voc2007", "--from", "bert")
    assert result.exit_code == 2
    assert result.output == (
        "Error: BERT vectors need the package transformers: pip install 'mlr-bench[bert]'.\n"
    )


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("model.safetensors", None, "model.safetensors is missing"),
        ("vocab.txt", None, "vocab.txt is missing"),
        ("model.safetensors", b"\x10", "cannot be loaded"),
        ("config.json", b"{", "cannot be loaded"),
        ("config.json", {"model_type": "roberta"}, "its config.json says that it is a roberta"),
        ("config.json", {"num_hidden_layers": 3}, "its weights lack encoder.layer.2"),
        ("config.json", {"hidden_size": 32}, "cannot be loaded"),
    ],
)
def test_a_folder_without_a_whole_bert_is_refused(
    file: str, content: bytes | dict[str, Any] | None, message: str, small: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(small, folder)
    if content is None:
        (folder / file).rename(folder / "pytorch_model.bin")  # pickles are not read
    elif isinstance(content, bytes):
        (folder / file).write_bytes(content)
    else:
        (folder / file).write_text(json.dumps({**json.loads((folder / file).read_text()), **content}))
    with pytest.raises(UserError) as caught:
        read(f"bert:{folder}", NAMES, tmp_path)
    assert message in str(caught.value) and "\n" not in str(caught.value)
