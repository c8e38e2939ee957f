"""Annotations in XML: their encodings, entities, and objects that were deleted."""

from pathlib import Path

import pytest

from bench.errors import UserError
from own_voc import Tree, labels


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tree:
    monkeypatch.setenv("BENCH_WORK", str(tmp_path / "work"))
    return Tree(tmp_path / "home")


ENCODED = "<?xml version='1.0' encoding='{0}'?>\n<annotation><object><name>{1}</name></object></annotation>"


@pytest.mark.parametrize(
    ("declared", "written", "name"),
    [
        *(("ISO-8859-1", "latin-1", "vélo"), ("windows-1251", "cp1251", "кот"), ("utf-8", "utf-8-sig", "猫")),
        *(
            ("GBK", "gbk", "猫"),
            ("gb2312", "gb2312", "猫"),
            ("GB18030", "gb18030", "猫"),
            ("Big5", "big5", "貓"),
        ),
        *(("Shift_JIS", "shift_jis", "猫"), ("EUC-JP", "euc_jp", "猫"), ("euc-kr", "euc_kr", "고양이")),
        *(("UTF-16", "utf-16", "猫"), ("UTF-16LE", "utf-16-le", "猫"), ("utf-16", "utf-8", "猫")),
    ],
)
def test_annotations_are_read_in_the_encoding_that_they_declare(
    declared: str, written: str, name: str, tree: Tree
) -> None:
    tree.fill()
    (tree.annotations / "3.xml").write_bytes(ENCODED.format(declared, name).encode(written))
    assert labels(tree.open())["3"] == {name}


@pytest.mark.parametrize(
    ("declared", "written", "said"),
    [
        ("klingon", "utf-8", "in its encoding 'klingon': unknown encoding"),
        ("GBK", "utf-8", "in its encoding 'GBK': 'gbk' codec can't decode"),
        ("ascii", "utf-8", "in its encoding 'ascii': not well-formed"),
        ("utf-16", "latin-1", "in its encoding 'utf-16': 'utf-8' codec can't decode"),
        ("punycode", "utf-8", "in its encoding 'punycode': "),
        ("rot13", "utf-8", "in its encoding 'rot13': "),
    ],
)
def test_what_cannot_be_decoded_is_refused_by_file_and_encoding(
    declared: str, written: str, said: str, tree: Tree
) -> None:
    tree.fill()
    (tree.annotations / "3.xml").write_bytes(
        ENCODED.format(declared, "é猫é"[: 1 + 2 * (written == "utf-8")]).encode(written)
    )
    with pytest.raises(UserError, match=rf"3: .*3.xml: cannot be read: not well-formed XML, {said}"):
        tree.open()


@pytest.mark.parametrize("encoding", ["utf-8", "gbk"])
def test_entities_that_grow_without_end_are_refused_in_any_encoding(encoding: str, tree: Tree) -> None:
    tree.fill()
    levels = "".join(f'<!ENTITY e{n + 1} "{f"&e{n};" * 10}">' for n in range(9))
    (tree.annotations / "3.xml").write_text(
        f"<?xml version='1.0' encoding='{encoding}'?><!DOCTYPE annotation [<!ENTITY e0 'lol'>{levels}]>"
        "<annotation><object><name>&e9;</name></object></annotation>"
    )
    with pytest.raises(UserError, match=r"3: .*3.xml: cannot be read: not well-formed XML.*amplification"):
        tree.open()


# As LabelMe writes them: nothing is taken out of its files.
LABELME = (
    "<annotation><filename>3.jpg</filename><source><sourceImage>web</sourceImage></source>"
    "<object><name>dog</name><deleted>{0}</deleted><verified>0</verified></object>"
    "<object><name></name><deleted>1</deleted></object>"
    "<object><name>cat</name><deleted>0</deleted></object><object><name>cow</name></object></annotation>"
)


@pytest.mark.parametrize(
    ("deleted", "found"),
    [
        *((said, {"cat", "cow"}) for said in ("1", " true\n", "True")),
        *((said, {"dog", "cat", "cow"}) for said in ("0", "", "false")),
    ],
)
def test_objects_that_were_deleted_are_none(deleted: str, found: set[str], tree: Tree) -> None:
    tree.fill()
    (tree.annotations / "3.xml").write_text(LABELME.format(deleted))
    assert labels(tree.open())["3"] == found


def test_a_class_of_deleted_objects_alone_is_none(tree: Tree) -> None:
    tree.fill()
    (tree.annotations / "3.xml").write_text(LABELME.format("1").replace("dog", "bird"))
    assert tree.open().info.classes == ("cat", "cow", "dog")


def test_external_entities_are_not_followed(tree: Tree) -> None:
    tree.fill()
    (tree.home / "secret").write_text("secret")
    (tree.annotations / "3.xml").write_text(
        f"<!DOCTYPE annotation [<!ENTITY e SYSTEM 'file://{tree.home / 'secret'}'>]>"
        "<annotation><object><name>&e;</name></object></annotation>"
    )
    with pytest.raises(UserError, match=r"3: .*3.xml: cannot be read: ") as caught:
        tree.open()
    assert "secret" not in str(caught.value)
