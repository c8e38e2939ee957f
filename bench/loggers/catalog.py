"""The loggers as typed literals: name, what must be installed, and where the class is.

Light on purpose: planning a matrix imports none of them.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Final

from bench.errors import UserError
from bench.loggers.logger import LoggedRun, Logger
from bench.plugins import Catalogue


@dataclass(frozen=True)
class LoggerInfo:
    """A logger.

    Attributes:
        name: what the user types.
        needs: the package that it imports.
        install: what brings that package, as `pip install` takes it.
        logger: `module:class` of the `Logger`, imported only when something is trained.
    """

    name: str
    needs: str
    install: str
    logger: str


LOGGERS: Final = {
    info.name: info
    for info in (
        LoggerInfo(
            "tensorboard", "tensorboard", "mlr-bench[tensorboard]", "bench.loggers.tensorboard:TensorBoard"
        ),
    )
}

LOGGER_CATALOGUE: Final = Catalogue(
    noun="logger",
    group="bench.loggers",
    kind=LoggerInfo,
    built_in=LOGGERS,
    reserved=frozenset(),
    objection=lambda info: "" if ":" in info.logger else f"'{info.logger}' is no module:class",
)
"""The built-in loggers and those of installed packages."""


def check_loggers(names: Iterable[str]) -> None:
    """Find every logger that is asked for, before anything is trained.

    Raises:
        UserError: there is none of that name, or the package that it needs is not installed.
    """
    for info in map(LOGGER_CATALOGUE.get, names):
        if find_spec(info.needs) is None:
            raise UserError(
                f"--log {info.name} needs the package {info.needs}: pip install '{info.install}'."
            )


def open_logger(name: str, run: LoggedRun) -> Logger:
    """Begin the log of a training, or go on with it.

    Raises:
        Exception: whatever the logger raises, or the import of its module.
    """
    module, _, attribute = LOGGER_CATALOGUE.get(name).logger.partition(":")
    logger: Logger = getattr(import_module(module), attribute)(run)
    return logger
