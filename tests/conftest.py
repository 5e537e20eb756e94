"""What all tests share: reference maps, laws without a clock, and a limit on how long a quick test may take."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator

import pytest
from hypothesis import settings

from .references import RECIPES, Reference, reference

COMPUTED = "computed_s"
settings.register_profile("without a clock", deadline=None)  # time says nothing of whether a law holds
settings.load_profile("without a clock")


def _fixture(name: str) -> Callable[[], Reference]:
    def made() -> Reference:
        return reference(name)

    return pytest.fixture(scope="session", name=name)(made)


for _name in RECIPES:
    globals()[f"_{_name}"] = _fixture(_name)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--most-seconds", type=float, help="fail when a test itself, without its fixtures, computes longer"
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Note how long a test computes: its own time, however busy the machine is."""
    since = time.process_time()
    try:
        return (yield)
    finally:
        item.user_properties.append((COMPUTED, time.process_time() - since))


class _Limit:
    """Fails a run in which one test computed too long."""

    def __init__(self, most_s: float) -> None:
        self.most_s, self.slow = most_s, dict[str, float]()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        seconds = dict(report.user_properties).get(COMPUTED, 0.0)
        if report.when == "call" and isinstance(seconds, float) and seconds > self.most_s:
            self.slow[report.nodeid] = seconds

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.slow and session.exitstatus == 0:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for name, seconds in sorted(self.slow.items()):
            terminalreporter.write_line(f"TOO SLOW for this lane: {name} {seconds:.1f} s, at most {self.most_s:g} s")


def pytest_configure(config: pytest.Config) -> None:
    most = config.getoption("--most-seconds")
    if most and not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Limit(most))
