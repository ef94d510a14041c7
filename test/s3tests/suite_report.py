# A pytest plugin: one line of JSON per test found (with S3TESTS_COLLECT set)
# or per phase of a test run, as it happens, so that nothing is lost when a
# process has to be ended.
import json
import os
import sys

_out = open(os.environ["S3TESTS_REPORT"], "a", buffering=1)


def _write(**record):
    _out.write(json.dumps(record) + "\n")


def pytest_collection_finish(session):
    if os.environ.get("S3TESTS_COLLECT"):
        for item in session.items:
            _write(id=item.nodeid, marks=sorted({m.name for m in item.iter_markers()}))


def pytest_runtest_logstart(nodeid, location):
    _write(id=nodeid, phase="start", outcome="passed", error="")


def pytest_runtest_logreport(report):
    _write(id=report.nodeid, phase=report.when, outcome=report.outcome, error=_error(report), seconds=report.duration)
    # The suite removes buckets by their common prefix: what one test could not
    # remove would fail every test after it. This chooses another prefix.
    if report.when == "teardown" and report.failed:
        sys.modules["s3tests.functional"].configure()


def _error(report):
    if report.passed or report.longrepr is None:
        return ""
    if isinstance(report.longrepr, tuple):  # skipped: file, line, reason
        return str(report.longrepr[2])
    crash = getattr(report.longrepr, "reprcrash", None)
    return crash.message if crash else str(report.longrepr)
