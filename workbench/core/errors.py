"""Errors meant for people: what happened, why, and what to do next."""

from __future__ import annotations


class FtwbError(Exception):
    """Base class of every error ftwb raises on purpose; its text is one line for the user.

    Attributes:
        exit_code: The CLI's exit status when this error ends a command.
    """

    exit_code = 1


class BadInputError(FtwbError):
    """Something the user gave is wrong: a field, a file, a row or a name."""

    exit_code = 2


class NotFoundError(BadInputError):
    """No run, model, dataset or preset has that name."""


class MachineError(FtwbError):
    """The machine lacks something: disk space, a device, a network, a package."""

    exit_code = 3


class RunFailedError(FtwbError):
    """A run ended without a result."""

    exit_code = 1


def first_line(error: BaseException) -> str:
    """The first line of an error's text, or its type's name where it has none.

    Libraries often explain themselves over many lines, while an :class:`FtwbError` has only one.
    """
    return str(error).strip().partition("\n")[0] or type(error).__name__
