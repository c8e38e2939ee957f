"""Label vectors: one word embedding per class, from a file or trained on the label sets."""

import hashlib
import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.errors import UserError
from bench.files import atomic_path

LABEL_SETS = "label-sets"
DIMENSION = 300
EPOCHS = 20
# Raised when training on label sets changes, so that cached vectors are not believed.
RECIPE = 1

Vectors = NDArray[np.float32]


def label_vectors(
    source: str, names: tuple[str, ...], labels: NDArray[np.int8], cache_folder: Path
) -> Vectors:
    """One vector per class.

    Args:
        source: `label-sets` to train on the training split, or a file of word vectors: GloVe text
            (`.txt`), word2vec text (`.vec`) or word2vec binary (`.bin`), each also with `.gz`.
        names: C class names.
        labels: `(N, C)` of the training split.
        cache_folder: where the result is kept, so that a large file is read once.

    Returns:
        `(C, d)` float32.

    Raises:
        UserError: no such file, a file of another kind, or class names without a vector, all of them listed.
    """
    if source == LABEL_SETS:
        key = [LABEL_SETS, str(RECIPE), *names, hashlib.sha256(labels.tobytes()).hexdigest()]
    else:
        path = Path(source)
        if not path.is_file():
            raise UserError(f"The vector file {path} does not exist; give a file, or '{LABEL_SETS}'.")
        status = path.stat()
        key = [str(path.resolve()), str(status.st_size), str(status.st_mtime_ns), *names]
    cached = cache_folder / f"vectors-{hashlib.sha256('|'.join(key).encode()).hexdigest()[:16]}.npy"
    if cached.is_file():
        vectors: Vectors = np.load(cached, allow_pickle=False)
        return vectors
    made = _train(labels) if source == LABEL_SETS else _read(Path(source), names)
    with atomic_path(cached) as temporary:
        np.save(temporary, made, allow_pickle=False)
    return made


def vectors_digest(vectors: Vectors) -> str:
    """Sixteen hexadecimal digits that identify the vectors."""
    return hashlib.sha256(vectors.tobytes()).hexdigest()[:16]


def _train(labels: NDArray[np.int8]) -> Vectors:
    """Skip-gram vectors of the classes, each image's positive labels being a sentence.

    One worker and a fixed seed: equal label sets give equal vectors.
    """
    from gensim.models import Word2Vec

    columns = range(labels.shape[1])
    sentences = [[str(column) for column in np.flatnonzero(row == 1)] for row in labels]
    # sample=0: gensim would drop nearly every word, because with so few words each is a frequent one.
    model = Word2Vec(
        vector_size=DIMENSION, window=len(columns), min_count=1, sg=1, sample=0, seed=0, workers=1
    )
    # One sentence more per class, so that a class without a training image has a (random) vector too.
    model.build_vocab([*sentences, *([str(column)] for column in columns)])
    model.train(sentences, total_examples=len(sentences), epochs=EPOCHS)
    return np.stack([model.wv[str(column)] for column in columns]).astype(np.float32)


def _read(path: Path, names: tuple[str, ...]) -> Vectors:
    from gensim.models import KeyedVectors

    suffix = "".join(path.suffixes[-2:] if path.suffix == ".gz" else path.suffixes[-1:]).removesuffix(".gz")
    if suffix not in (".txt", ".vec", ".bin"):
        raise UserError(f"The vector file {path} is none of .txt (GloVe), .vec or .bin (word2vec).")
    try:
        words = KeyedVectors.load_word2vec_format(
            str(path), binary=suffix == ".bin", no_header=suffix == ".txt"
        )
    except (ValueError, EOFError, UnicodeDecodeError) as error:
        raise UserError(f"The vector file {path} cannot be read as word vectors: {error}") from error
    tokens = {name: re.findall(r"[^\W_]+", name.lower()) for name in names}
    missing = [
        name for name, parts in tokens.items() if not parts or any(part not in words for part in parts)
    ]
    if missing:
        raise UserError(f"{path} has no vector for: {', '.join(missing)}.")
    return np.stack([np.mean([words[part] for part in tokens[name]], axis=0) for name in names]).astype(
        np.float32
    )
