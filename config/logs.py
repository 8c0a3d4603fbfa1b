"""Logs: structlog's events and everybody else's records, one line each.

JSON in production, columns in development. `user_id` and `request_id` are bound
by the request middleware. Every line goes through `config.redaction`, tracebacks
included, whether structlog or the standard library wrote it.
"""

import contextlib
import logging
import logging.config
import sys
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from config import redaction

# These write URLs, bodies and headers of other people's servers at INFO.
CHATTY = ("mcp", "httpx2", "httpcore2", "anyio", "asyncio")
# Their sentences and exceptions quote what a server sent: a content type, a secret
# that it echoes. What is left of a record is where it comes from.
QUOTING = frozenset({"mcp", "httpx2", "httpcore2"})

_COMMON: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
]


class StderrHandler(logging.StreamHandler[TextIO]):
    """Write to the `sys.stderr` of the moment, and never print a failed record."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:
        return sys.stderr

    @stream.setter
    def stream(self, stream: TextIO) -> None:
        raise AttributeError("this handler always writes to sys.stderr")

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        # logging's own would print the record's arguments as they are.
        with contextlib.suppress(Exception):
            self.stream.write(f'{{"event": "log.failed", "logger": "{record.name}"}}\n')


def _do_not_quote(_: WrappedLogger, __: str, event_dict: EventDict) -> EventDict:
    record: logging.LogRecord = event_dict["_record"]
    if record.name.partition(".")[0] in QUOTING:
        event_dict["event"] = f"{record.funcName}:{record.lineno}"
        kind, *_ = event_dict.pop("exc_info", None) or (None,)
        if kind is not None:
            event_dict["error"] = kind.__name__
    return event_dict


def _redact(_: WrappedLogger, __: str, event_dict: EventDict) -> EventDict:
    return redaction.event(event_dict)


def formatter(format_: str, *, colors: bool = False) -> logging.Formatter:
    """Build the formatter of every line: `json` or `console`."""
    renderer: Processor = (
        structlog.dev.ConsoleRenderer(
            colors=colors, exception_formatter=structlog.dev.plain_traceback
        )
        if format_ == "console"
        else structlog.processors.JSONRenderer()
    )
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_COMMON,
        processors=[
            _do_not_quote,
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            # Tracebacks become text here, without the values of variables.
            structlog.processors.format_exc_info,
            _redact,
            renderer,
        ],
    )


def _stdlib(format_: str, level: str) -> dict[str, Any]:
    through_root: dict[str, Any] = {"handlers": [], "propagate": True}
    colors = sys.stderr.isatty()
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": formatter, "format_": format_, "colors": colors}},
        "handlers": {"stderr": {"()": StderrHandler, "formatter": "line"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            **{name: {**through_root, "level": "WARNING"} for name in CHATTY},
            # Django and uvicorn bring handlers of their own: no mail to admins, no
            # access log (it has query strings; the middleware logs requests).
            "django": through_root,
            "django.server": through_root,
            # The middleware logs every request, config.errors every exception.
            "django.request": {**through_root, "level": "CRITICAL"},
            "uvicorn": {**through_root, "level": "WARNING"},
        },
    }


def configure(settings: dict[str, Any]) -> None:
    """Set up logging from `settings.LOGGING`: `{"format": …, "level": …}`."""
    logging.config.dictConfig(_stdlib(settings["format"], settings["level"].upper()))
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_COMMON,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        # A cached logger would keep the processors of before a reconfiguration.
        cache_logger_on_first_use=False,
    )
