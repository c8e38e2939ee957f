"""What is uploaded of a model, and the upload to a hub."""

import os
from collections.abc import Sequence
from http.client import responses
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, cast
from urllib.parse import urlsplit

from bench.engine.readme.file import readme_path, stated_licence
from bench.engine.readme.metadata import LIBRARY
from bench.errors import UserError, cut, one_line
from bench.publish.beside import files_beside, renewed_card, require_current
from bench.records.store import RecordStore
from bench.settings import README
from bench.version import __version__

if TYPE_CHECKING:
    from huggingface_hub.errors import HfHubHTTPError


class File(NamedTuple):
    """A file to be uploaded: its name in the repository, and where it is or what it holds."""

    name: str
    content: Path | bytes

    @property
    def size(self) -> int:
        """Its bytes."""
        return len(self.content) if isinstance(self.content, bytes) else self.content.stat().st_size


def files_of(model: Path, store: RecordStore, licence: str | None) -> list[File]:
    """The model, its model card, its thresholds and what was exported of it.

    Args:
        model: its file.
        store: where the record of its run may be.
        licence: of the weights; what its model card says if None.

    Raises:
        UserError: it is no model, what was exported is of another one, or the licence is not to be had into a
            model card that is not written anew.
    """
    require_current(model)
    text, path = renewed_card(model, store, licence), readme_path(model)
    if text is None and licence is not None and stated_licence(path) != licence:
        raise UserError(
            f"The model card {path} stays as it is, because it is yours, or its run's record is not here: "
            f"write `license: {licence}` into its metadata yourself, or leave out --license."
        )
    card = path if text is None else text.encode()
    return [
        File(model.name, model),
        File(README, card),
        *(File(one.name, one) for one in files_beside(model)),
    ]


def upload(files: Sequence[File], repo: str, private: bool, message: str) -> str:
    """Upload files to a repository in one commit, which is created where it is not there.

    The server is that of `HF_ENDPOINT`, else huggingface.co. The token is the one that its library finds.

    Args:
        files: what is uploaded.
        repo: `owner/name`.
        private: whether it is created so that nobody else sees it.
        message: of the commit.

    Returns:
        The address of the commit.

    Raises:
        UserError: the library or a token is missing, the name is none, the server refuses or is not reached,
            or a repository that should be private is public.
    """
    try:
        from huggingface_hub import CommitOperationAdd, HfApi, get_token
        from huggingface_hub.errors import HfHubHTTPError, HFValidationError
    except ImportError:
        raise UserError("Uploading needs huggingface_hub: pip install 'mlr-bench[hub]'.") from None
    token = get_token()
    if not token:
        raise UserError(
            "There is no token: log in with `hf auth login`, or set HF_TOKEN to one that may write."
        )
    endpoint = os.environ.get("HF_ENDPOINT") or None
    api = HfApi(endpoint, token, library_name=LIBRARY, library_version=__version__)
    host = urlsplit(api.endpoint).netloc
    operations = [CommitOperationAdd(one.name, one.content) for one in files]
    # Whatever the library's HTTP client raises: which client that is differs between versions.
    client = cast(tuple[type[Exception], ...], HfHubHTTPError.__bases__)
    failures: tuple[type[Exception], ...] = (OSError, RuntimeError, ValueError, *client)
    try:
        whole = api.create_repo(repo, private=private or None, exist_ok=True).repo_id
        if private and not api.model_info(whole).private:
            raise UserError(f"{whole} is there already and is public: make it private on {host} first.")
        return str(api.create_commit(whole, operations, commit_message=message).commit_url)
    except HFValidationError as error:
        raise UserError(f"'{cut(repo)}' is no name such as owner/name: {cut(one_line(error), 300)}") from None
    except HfHubHTTPError as error:
        raise UserError(_without(token, f"{host} refused the upload to {repo}: {_reason(error)}")) from None
    except failures as error:
        raise UserError(
            _without(token, f"{host} cannot be reached, or broke off: {one_line(error)}")
        ) from None


def _reason(error: "HfHubHTTPError") -> str:
    """The status that a server answered with, what it said, and what to do."""
    status = error.response.status_code
    said = f", {one_line(error.server_message)}" if error.server_message else ""
    remedy = "; see that the token may write there" if status in (401, 403) else ""
    return f"{status} {responses.get(status, '')}{cut(said, 300)}{remedy}."


def _without(token: str, text: str) -> str:
    """A message in which a server or a library may have quoted the token."""
    return text.replace(token, "***")
