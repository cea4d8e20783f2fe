"""Errors that a user is meant to read, and the exit status of each kind."""

from __future__ import annotations

from enum import IntEnum


class ExitStatus(IntEnum):
    """The exit status of the process. The README has the same table."""

    OK = 0
    REGRESSION = 1
    USAGE = 2
    APPLY = 3
    BUILD = 4
    INFRASTRUCTURE = 5
    NOT_TESTED = 6
    INTERRUPTED = 130


class Error(Exception):
    """A problem that the user can act on.

    `message` says what failed, on what and why. `hint` is what to do next. `details` are lines of evidence (a conflict,
    a compiler message) that are shown below the message as they are.
    """

    status = ExitStatus.INFRASTRUCTURE

    def __init__(self, message: str, *, hint: str = "", details: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details = details


class UsageError(Error):
    """The command line, a manifest, or something that they name is wrong. Trying again cannot help."""

    status = ExitStatus.USAGE


class SeriesError(Error):
    """The series was not booted, for a reason in the series itself. That is a verdict, and `verdict` is its name."""

    verdict = ""


class ApplyError(SeriesError):
    """A patch does not apply to the base."""

    status = ExitStatus.APPLY
    verdict = "does not apply"


class BuildError(SeriesError):
    """The kernel with the series does not build."""

    status = ExitStatus.BUILD
    verdict = "does not build"


class NotTestedError(SeriesError):
    """A boot would say nothing about the series, since none of it is in the kernel."""

    status = ExitStatus.NOT_TESTED
    verdict = "not tested"


class NothingToTestError(NotTestedError):
    """The series changes documentation only."""

    verdict = "nothing to test"


class AlreadyAppliedError(NotTestedError):
    """The base has the series already."""

    verdict = "already in the base"


class InfrastructureError(Error):
    """Something around the test failed (network, b4, QEMU, disk). This says nothing about the series."""

    status = ExitStatus.INFRASTRUCTURE
