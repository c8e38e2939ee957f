"""VOC trees of one's own under the contract of all data sets, in every form in which they are read."""

from pathlib import Path

from bench.datasets.contract import DatasetContract
from trees import write_annotation, write_picture


class TestOwnVOC(DatasetContract):
    """Eight images: cats and dogs in turn, the first of both difficult birds too."""

    labels = {"0": {"cat": 1, "bird": 0}, "1": {"dog": 1, "bird": 0}, "6": {"cat": 1}}
    annotations, images, suffix, inside = "Annotations", "JPEGImages", ".jpg", ""
    voc = "{}"
    splits = "{train: 0.5}"
    by_folder = False

    def make(self, folder: Path) -> tuple[str, Path | None]:
        for number in range(8):
            name = f"{('two/' if number > 4 else 'one/') if self.by_folder else self.inside}{number}"
            annotation = folder / self.annotations / f"{name}.xml"
            picture = folder / self.images / f"{name}{self.suffix}"
            for path in (annotation, picture):
                path.parent.mkdir(parents=True, exist_ok=True)
            write_annotation(
                annotation, [("dog" if number % 2 else "cat", 0), ("bird", 1)][: 1 + (number < 2)]
            )
            write_picture(picture, seed=number)
        lists = folder / "ImageSets" / "Main"
        if "eval" in self.splits and not self.by_folder:
            lists.mkdir(parents=True)
            for split, numbers in (("one", range(5)), ("two", range(5, 8))):
                (lists / f"{split}.txt").write_text("".join(f"{self.inside}{n}\n" for n in numbers))
        (folder / "own.yaml").write_text(f"name: own\nvoc: {self.voc}\nsplits: {self.splits}\n")
        return str(folder / "own.yaml"), None


class TestOwnVOCWithLists(TestOwnVOC):
    splits = "{train: one, eval: two}"


class TestOwnVOCOfPNG(TestOwnVOCWithLists):
    suffix = ".PNG"


class TestNestedVOC(TestOwnVOC):
    labels = {f"b 1/{image}": found for image, found in TestOwnVOC.labels.items()}
    inside = "b 1/"


class TestNestedVOCWithLists(TestNestedVOC):
    splits = TestOwnVOCWithLists.splits


class TestFlatVOC(TestOwnVOC):
    annotations = images = "."
    suffix = ".jpeg"


class TestNestedFlatVOC(TestNestedVOC):
    annotations = images = "."


class TestVOCInFoldersOfOtherNames(TestOwnVOCWithLists):
    annotations, images = "labels/xml", "photos"
    voc = "{annotations: labels/xml, images: photos}"


class TestVOCWithAFolderForEachSplit(TestOwnVOCWithLists):
    labels = {
        f"{'two' if image == '6' else 'one'}/{image}": found for image, found in TestOwnVOC.labels.items()
    }
    by_folder = True


class TestFlatVOCWithAFolderForEachSplit(TestVOCWithAFolderForEachSplit):
    annotations = images = "."
