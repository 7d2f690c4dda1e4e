"""The commands together, and the one place where an error becomes a message and an exit status.

Knows: the commands by name, the branches of errors.  Must not know: what a command does.
"""

from __future__ import annotations

import functools
import sys
import traceback
from contextvars import ContextVar
from typing import TYPE_CHECKING, Annotated

import typer

from .. import __version__
from ..config.profiles import check_variables
from ..errors import RequestRejected, ToolfanError, UsageError
from . import adapters, call, decode, demo, doctor, new_provider, record, request, serve
from .output import print_text

if TYPE_CHECKING:
    from collections.abc import Callable

_debug: ContextVar[bool] = ContextVar("debug", default=False)


def _reported(command: Callable[..., None]) -> Callable[..., None]:
    """The command; what it raises becomes one message on standard error and an exit status."""

    @functools.wraps(command)
    def run(*args: object, **options: object) -> None:
        try:
            if sys.stdout is None:  # as the shell's `>&-` leaves it
                raise UsageError("standard output is closed", hint="Send it to a file, or to /dev/null.")
            check_variables()
            command(*args, **options)
        except (typer.Exit, typer.Abort, BrokenPipeError):
            raise
        except Exception as exc:  # noqa: BLE001 - the last border: whatever it is, one message
            if _debug.get():
                print_text("".join(traceback.format_exception(exc)), err=True)
            print_text(_message(exc), err=True)
            raise typer.Exit(2 if _is_wrong_use(exc) else 1) from None

    return run


def _is_wrong_use(exc: Exception) -> bool:
    """Whether the caller must change something: no provider was asked, or none could be."""
    return isinstance(exc, UsageError) or (isinstance(exc, RequestRejected) and exc.status is None)


def _message(exc: Exception) -> str:
    if isinstance(exc, ToolfanError):
        return f"{type(exc).__name__}: {exc}"
    return f"toolfan failed: {type(exc).__name__}: {exc}. Set TOOLFAN_DEBUG=1 to see where."


app = typer.Typer(
    name="toolfan",
    help="Typed, parallel tool calls from any language-model provider.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain messages: they are read in logs as often as on a screen
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"toolfan {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    debug: Annotated[
        bool, typer.Option("--debug", envvar="TOOLFAN_DEBUG", help="Show where an error came from.")
    ] = False,
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and end.")
    ] = False,
) -> None:
    """Typed, parallel tool calls from any language-model provider."""
    _debug.set(debug)


_COMMANDS = (
    demo.demo,
    call.call,
    adapters.adapters,
    doctor.doctor,
    request.request,
    record.record,
    decode.decode,
    serve.serve,
    new_provider.new_provider,
)
for _command in _COMMANDS:
    app.command(_command.__name__.replace("_", "-"))(_reported(_command))
