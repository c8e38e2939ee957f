"""What a person is told of the error that ended a run."""

import re

from bench.errors import one_line

# PyTorch puts its own traceback before what a loading process raised, which stands in the last lines.
_IN_LOADER = re.compile(r"Caught \w+ in DataLoader worker process \d+\.")
_RAISED = re.compile(r"^[\w.]+: ", re.MULTILINE)
_LOADER_GONE = re.compile(r"DataLoader worker .*(is killed by signal|exited unexpectedly)")
_SIGNAL = re.compile(r"is killed by signal: (?P<name>\w+( \w+)*)")
_NO_SHARED_MEMORY = re.compile(r"signal: Bus error|unable to (write to|mmap|open) .*(/torch_|shm)")
_AGAIN = "with --workers; --overwrite failed runs it again"


def reason(error: BaseException) -> str:
    """Why a run failed, in a line, with what to do where that is known."""
    said = str(error)
    if _IN_LOADER.search(said):
        said = _RAISED.split(said)[-1]
    # Whichever of the two notices first, the other is its cause or context.
    chain = "\n".join(str(one) for one in (error, error.__cause__, error.__context__) if one is not None)
    if _NO_SHARED_MEMORY.search(chain):
        return (
            f"a loading process found no room in shared memory (/dev/shm): make room, or use fewer {_AGAIN}"
        )
    if _LOADER_GONE.search(chain):
        signal = _SIGNAL.search(chain)
        ended = f"was killed ({signal['name']})" if signal else "ended"
        return f"a loading process {ended}, as the system does where memory is short: use fewer {_AGAIN}"
    said = one_line(said) if said.strip() else one_line(error)
    # What such an error says alone, as 'image' or 0, tells a person nothing.
    named = isinstance(error, LookupError | TypeError | ValueError | ArithmeticError | AttributeError)
    return f"{type(error).__name__}: {said}" if named else said
