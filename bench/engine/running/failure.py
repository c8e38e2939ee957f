"""What a person is told of the error that ended a run."""

import re

from bench.datasets.loading import LoadingLostError
from bench.errors import one_line

# PyTorch puts its own traceback before what a loading process raised, which stands in the last lines.
_IN_LOADER = re.compile(r"Caught \w+ in DataLoader worker process \d+\.")
_RAISED = re.compile(r"^[\w.]+: ", re.MULTILINE)
_AGAIN = "--overwrite failed runs it again"


def reason(error: BaseException) -> str:
    """Why a run failed, in a line, with what to do where that is known."""
    if isinstance(error, LoadingLostError):
        return f"{error.what}: {error.then}; {_AGAIN}"
    said = str(error)
    if _IN_LOADER.search(said):
        said = _RAISED.split(said)[-1]
    said = one_line(said) if said.strip() else one_line(error)
    # What such an error says alone, as 'image' or 0, tells a person nothing.
    named = isinstance(error, LookupError | TypeError | ValueError | ArithmeticError | AttributeError)
    return f"{type(error).__name__}: {said}" if named else said
