"""What the description of a data set of one's own says of its CSV file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from bench.datasets.layout import ALL, Table
from bench.errors import UserError, cut


class Part(BaseModel):
    """A part of a description: an unknown field is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def per_split(given: str | Mapping[str, str], splits: tuple[str, ...], where: str) -> dict[str, str]:
    """One entry for each split; a single value holds for all."""
    if isinstance(given, str):
        return dict.fromkeys(splits, given)
    there = cut(", ".join(map(repr, given)) or "none")
    if splits == (ALL,):
        raise UserError(
            f"{where} has an entry for each split ({there}), but 'splits' draws them by a share; give one "
            "entry for all images, or name two of these under 'splits' as train and eval."
        )
    missing = [split for split in splits if split not in given]
    if missing:
        raise UserError(
            f"{where} has no entry for the split '{missing[0]}', only for: {there}; add one, or name another "
            "split under 'splits'."
        )
    return {split: given[split] for split in splits}


class CSVFile(Part):
    """A CSV file, or one for each split, with a row per image, a row per label, or a column per class."""

    file: str | dict[str, str] = Field(
        "labels.csv", description="the CSV file, or that of each split; .gz is read too"
    )
    images: str | dict[str, str] = Field(
        ".", description="folder of the images, or that of each split that has a file"
    )
    image: str = Field("image", description="column of the image's file name, with or without its suffix")
    labels: str = Field("labels", description="column of its labels")
    split: str | None = Field(None, description="column of its split, unless the splits are made")
    split_folder: int = Field(
        0, ge=0, description="which folder in the image's name is its split: 1 in train/1.jpg, if not 0"
    )
    lists: dict[str, str] = Field(
        {}, description="the list of each split, a text file with the name of an image on every line"
    )
    nested: bool = Field(
        False, description="the images lie in the folder or any below it, by their names alone"
    )
    separator: str = Field("|", min_length=1, description="what stands between two labels")
    delimiter: str = Field("", description="what stands between two cells, or tab; the header tells if empty")
    rows: Literal["image", "label"] = Field(
        "image", description="what a row has: the labels of an image, or one of them, so that rows are joined"
    )
    one_hot: bool | tuple[Annotated[str, Field(min_length=1)], ...] | None = Field(
        None,
        description="every class has a column: which ones, or true for all but image and split; found where "
        "there is no column of labels and the others are 0 or 1",
    )
    value: str | None = Field(
        None,
        description="column of 0 and 1 that says whether the label of its row holds; '' where all of them do",
    )
    values: dict[str, Literal["positive", "negative", "difficult"]] = Field(
        {}, description="what cells of these columns mean beside 1, true, yes, 0, false, no and empty"
    )

    @field_validator("delimiter")
    @classmethod
    def _one_character(cls, value: str) -> str:
        character = {"tab": "\t", r"\t": "\t"}.get(value, value)
        if len(character) > 1 or character in ('"', "\r", "\n", "\0"):
            raise ValueError("give one character that is no quote and no line end, or tab")
        return character

    @field_validator("values", mode="before")
    @classmethod
    def _numbers_as_they_stand(cls, value: object) -> object:
        if not isinstance(value, dict):
            return value
        # YAML's yes and no are left as they are, and refused: their quotes were forgotten.
        return {
            str(cell) if isinstance(cell, int | float) and not isinstance(cell, bool) else cell: meaning
            for cell, meaning in value.items()
        }

    @model_validator(mode="after")
    def _one_form(self) -> "CSVFile":
        beside = [name for name in ("labels", "separator", "rows") if name in self.model_fields_set]
        if self.one_hot and beside:
            raise ValueError(f"{beside[0]} cannot stand beside one_hot, where columns are the labels")
        if self.values and not (self.one_hot or self.value):
            raise ValueError("values says what the columns of one_hot or value hold; give one of these too")
        if self.value is not None and self.one_hot:
            raise ValueError("value cannot stand beside one_hot, where columns are the labels")
        if self.value and self.rows != "label":
            raise ValueError("value says whether the label of a row holds; say rows: label too")
        if isinstance(self.file, Mapping):
            self._refuse_files_for_two_things(self.file)
        elif isinstance(self.images, Mapping):
            raise ValueError("a folder of images for each split takes a file for each split; name these too")
        said = [name for name in ("split", "split_folder", "lists") if getattr(self, name)]
        if len(said) > 1:
            raise ValueError(f"{said[0]} cannot stand beside {said[1]}: one of them says the splits")
        columns = [self.image, *(column for column in (self.split, self.value) if column)]
        if isinstance(self.one_hot, tuple):
            if not self.one_hot:
                raise ValueError("one_hot is empty; list the columns of the classes, or say true")
            columns += self.one_hot
        elif not self.one_hot:
            columns.append(self.labels)
        twice = [column for column in columns if columns.count(column) > 1]
        if twice:
            raise ValueError(f"the column '{twice[0]}' is named for two things")
        return self

    def _refuse_files_for_two_things(self, files: Mapping[str, str]) -> None:
        for name in ("split", "split_folder", "lists"):
            if getattr(self, name):
                raise ValueError(f"{name} cannot stand beside a file for each split, which says the splits")
        twice = [file for file in files.values() if [*files.values()].count(file) > 1]
        if twice:
            raise ValueError(f"the file '{twice[0]}' is named for two splits")

    @property
    def names_splits(self) -> bool:
        """Whether the data says which split an image is of."""
        return bool(self.split or self.split_folder or self.lists) or not isinstance(self.file, str)

    def layout(self, splits: tuple[str, ...], path: Path) -> Table:
        """How the files lie, with what is said of other splits than those that are used.

        Raises:
            UserError: nothing is said of a split.
        """
        fields = {**self.model_dump(), "split": self.split or ""}
        if self.lists:
            per_split(self.lists, splits, f"In {path}: 'csv.lists'")
        if not isinstance(self.file, str):
            names = tuple(dict.fromkeys([*splits, *self.file]))
            fields |= {
                name: per_split(fields[name], names, f"In {path}: 'csv.{name}'")
                for name in ("file", "images")
            }
        return Table(**fields)
