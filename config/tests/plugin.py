"""Early pytest plugin: the environment of a test run, before settings are read."""

import os

import pytest

KEY = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests() -> None:
    os.environ.update(
        ENV_FILE="",
        SECRET_KEY="only-for-tests-" + "x" * 50,
        ENCRYPTION_KEYS=f"k1:{KEY}",
        DATABASE_POOL_MAX="0",
    )
