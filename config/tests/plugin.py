"""Early pytest plugin: what a test run stands on, chosen before settings are read.

The shell that starts a run has no say in it: every setting that the environment
could give is taken away first, and `.env` is not read.
"""

import contextlib
import os
import re
from collections.abc import Generator, Iterable
from pathlib import Path

import pytest

from bench import chatkit_types
from config.tests import services

KEY = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
SETTINGS = Path(__file__).parent.parent / "settings.py"
NEEDS = ("postgres", "redis", "browser", "node", "chatkit_types")

STATIC_FILES = (
    "servestatic.middleware.ServeStaticMiddleware",
    "config.tests.static_files.StaticFiles",
)
# Who takes one of these touches what is another one in the second leg of `./dev test`.
STORES = frozenset({"db", "transactional_db", "redis_url"})

running = contextlib.ExitStack()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("patchbay")
    group.addoption(
        "--db",
        choices=["auto", "sqlite", "postgres"],
        default="auto",
        help="auto: DATABASE_URL if it is set, else SQLite; postgres: a throwaway"
        " PostgreSQL, with a throwaway Redis for cache and channels",
    )
    group.addoption(
        "--require-all",
        action="store_true",
        help="a test that cannot run on this machine fails instead of being skipped",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    database_url = os.environ.get("DATABASE_URL")
    for name in _settings_from_environment():
        os.environ.pop(name, None)
        os.environ.pop(f"{name}_FILE", None)
    os.environ.update(
        ENV_FILE="",
        SECRET_KEY="only-for-tests-" + "x" * 50,
        ENCRYPTION_KEYS=f"k1:{KEY}",
        DATABASE_POOL_MAX="0",
        CHATKIT="on",
        # Reading the authorities of the public web takes 25 ms for every pool, and no
        # test dials what they signed. Tests of TLS have an authority of their own; this
        # one signed nothing.
        SSL_CERT_FILE=str(Path(__file__).with_name("nobody.pem")),
        SSL_CERT_DIR=os.devnull,
    )
    choice = early_config.known_args_namespace.db
    if choice == "auto" and database_url:
        os.environ["DATABASE_URL"] = database_url
    if choice == "postgres":
        _start_services(database_url)


def _settings_from_environment() -> set[str]:
    text = SETTINGS.read_text()
    return set(re.findall(r'(?:env(?:\.\w+)?|secret)\(\s*(?:env, )?"([A-Z_]+)"', text))


def _start_services(database_url: str | None) -> None:
    """Set DATABASE_URL and REDIS_URL to servers of this run's own.

    Workers of pytest-xdist share the PostgreSQL of the process that started them,
    where each makes its own database; groups of channels know no databases, so
    each worker has its own Redis.
    """
    try:
        if not ("PYTEST_XDIST_WORKER" in os.environ and database_url):
            database_url = running.enter_context(services.postgres())
        os.environ["DATABASE_URL"] = database_url
        if not services.missing("redis"):
            os.environ["REDIS_URL"] = running.enter_context(services.redis())
    except (LookupError, RuntimeError) as error:
        running.close()
        raise pytest.UsageError(f"--db postgres: {error}") from error


@pytest.hookimpl(trylast=True)
def pytest_configure() -> None:
    """Set what only tests want: static files without a build, cheap passwords."""
    from django.conf import settings

    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.SERVESTATIC_USE_FINDERS = settings.SERVESTATIC_AUTOREFRESH = True
    usual, ours = STATIC_FILES
    settings.MIDDLEWARE = [ours if n == usual else n for n in settings.MIDDLEWARE]
    storage = "django.contrib.staticfiles.storage.StaticFilesStorage"
    settings.STORAGES = {**settings.STORAGES, "staticfiles": {"BACKEND": storage}}
    # Django's own backend runs a task where it is enqueued.
    tasks = "django.tasks.backends.immediate.ImmediateBackend"
    settings.TASKS = {"default": {"BACKEND": tasks}}


def pytest_unconfigure() -> None:
    running.close()


def pytest_report_header() -> str:
    database = os.environ.get("DATABASE_URL", "SQLite").partition(":")[0]
    cache = "Redis" if os.environ.get("REDIS_URL") else "memory"
    return f"database: {database}, cache and channels: {cache}"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that need a database, a cache or channels.

    The others give one answer whatever those are. That none of them was missed is
    held by pytest-django, which keeps them from the database, and below.
    """
    for item in items:
        by_fixture = STORES.intersection(getattr(item, "fixturenames", ()))
        if by_fixture or item.get_closest_marker("django_db"):
            item.add_marker(pytest.mark.stores)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    yield
    if not item.get_closest_marker("stores") and any(_kept_in_memory()):
        pytest.fail("It uses the cache: mark it `stores`.", pytrace=False)


def _kept_in_memory() -> Iterable[object]:
    from django.core.cache.backends import locmem

    # All caches of this process, by their names.
    caches: dict[str, object] = vars(locmem)["_caches"]
    return caches.values()


def pytest_runtest_setup(item: pytest.Item) -> None:
    for need in NEEDS:
        if item.get_closest_marker(need) and (reason := _missing(need)):
            pytest.skip(reason)


def _missing(need: str) -> str:
    if need == "chatkit_types":
        return chatkit_types.missing()
    if need != "postgres":
        return services.missing(need)
    on_postgres = os.environ.get("DATABASE_URL", "").startswith("postgres")
    return "" if on_postgres else "runs on PostgreSQL only: --db postgres"


# What did not run is said, and is a failure where everything has to run.


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    return _judge(item.config, (yield))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    return _judge(collector.config, (yield))


def _judge[Report: (pytest.TestReport, pytest.CollectReport)](
    config: pytest.Config, report: Report
) -> Report:
    expected_to_fail = hasattr(report, "wasxfail")
    if report.skipped and not expected_to_fail and config.getoption("require_all"):
        report.outcome = "failed"
        report.longrepr = f"not run: {_reason(report)}"
    return report


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    place = report.longrepr
    text = place[2] if isinstance(place, tuple) else str(place)
    return text.removeprefix("Skipped: ")


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter,
) -> None:
    for report in terminalreporter.getreports("skipped"):
        terminalreporter.write_line(f"not run: {report.nodeid}: {_reason(report)}")
