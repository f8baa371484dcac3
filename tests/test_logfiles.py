"""
Twisted's log files, shared: two of them on one path stand for two processes.
"""

from __future__ import annotations

import fcntl
import os
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from twisted.python.logfile import DailyLogFile, LogFile

from tests.process.cluster import environment
from tests.wire.poor import fewDescriptors
from twisted_cluster import logfiles, logturns
from twisted_cluster.logfiles import MOMENT, shareLogFiles
from twisted_cluster.wire import links

asRoot = pytest.mark.skipif(os.getuid() != 0, reason="needs root")
NOBODY = 65534
# Runs Twisted's own tests, with log files that are shared, or not.
SUITE = """
import os
import sys
from twisted.scripts.trial import run
from twisted_cluster.logfiles import shareLogFiles
from twisted.test.test_logfile import LogFileTests
if os.getuid() == 0:
    # It would change the mode of /dev/null, for all who use this machine.
    del LogFileTests.test_cantChangeFileMode
if sys.argv.pop(1) == "shared":
    shareLogFiles()
run()
"""


@pytest.fixture(autouse=True)
def shared(unshared: None) -> None:
    """
    Log files are shared while a test lasts.
    """
    shareLogFiles()


def two(path: Path, kind: type[LogFile] = LogFile) -> tuple[LogFile, LogFile]:
    """
    The log files of two processes.
    """
    return kind(path.name, str(path.parent)), kind(path.name, str(path.parent))


def namesIn(folder: Path) -> list[str]:
    """
    What is there.
    """
    return sorted(file.name for file in folder.iterdir())


def passed(twisted: str, directory: Path) -> list[str]:
    """
    How each of Twisted's own tests of log files ends.
    """
    tests = ["twisted.test.test_logfile", "twisted.test.test_log"]
    ran = subprocess.run(
        [sys.executable, "-c", SUITE, twisted, "--reporter=verbose", *tests],
        cwd=directory,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
    )
    return [line for line in ran.stdout.splitlines() if " ... " in line]


def test_twistedsOwnTests(tmp_path: Path) -> None:
    """
    Each of them ends as it does on a stock log file.
    """
    ended = passed("stock", tmp_path)
    assert len(ended) > 50
    assert passed("shared", tmp_path) == ended


def test_linesOfTwo(tmp_path: Path) -> None:
    """
    What one writes is behind what the other has written, as text or as bytes.
    """
    one, other = two(tmp_path / "log")
    for number in range(3):
        one.write(f"one {number}\n")
        other.write(b"other %d\n" % number)
    wanted = "one 0\nother 0\none 1\nother 1\none 2\nother 2\n"
    assert (tmp_path / "log").read_text() == wanted


def test_sizeIsTheFiles(tmp_path: Path) -> None:
    """
    Two who write half as much each rotate when the file is as large as it may be, and
    once.
    """
    one, other = two(tmp_path / "log")
    one.rotateLength = other.rotateLength = 40
    for _ in range(4):
        one.write("nine byte\n")
        other.write("nine byte\n")
    assert namesIn(tmp_path) == ["log", "log.1"]
    assert (tmp_path / "log.1").stat().st_size == 40
    assert (tmp_path / "log").stat().st_size == 40


def test_whoRotatesIsFollowed(tmp_path: Path) -> None:
    """
    The other's next line is in the new file.
    """
    one, other = two(tmp_path / "log")
    one.write("before\n")
    one.rotate()
    other.write("after\n")
    assert (tmp_path / "log").read_text() == "after\n"


def test_oneRotationForAll(tmp_path: Path) -> None:
    """
    Two who are told to rotate at the same time rotate once, whether or not the second
    has written in between.
    """
    one, other = two(tmp_path / "log")
    one.rotate()
    other.rotate()
    assert namesIn(tmp_path) == ["log", "log.1"]
    other.write("line\n")
    other.rotate()
    assert namesIn(tmp_path) == ["log", "log.1"]
    one.rotate()
    assert namesIn(tmp_path) == ["log", "log.1", "log.2"]


def test_laterItIsRotatedAgain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Who is told to rotate a file that somebody has rotated a while ago does so.
    """
    one, other = two(tmp_path / "log")
    one.rotate()
    now = logfiles.time.time()
    monkeypatch.setattr(logfiles.time, "time", lambda: now + MOMENT + 1)
    other.rotate()
    assert namesIn(tmp_path) == ["log", "log.1", "log.2"]


def test_tooLargeIsRotatedAtOnce(tmp_path: Path) -> None:
    """
    A file that is full again is rotated, however soon.
    """
    one, other = two(tmp_path / "log")
    one.rotateLength = other.rotateLength = 10
    for log in (one, other, one, other):
        log.write("nine byte\n")
    assert namesIn(tmp_path) == ["log", "log.1", "log.2", "log.3"]


def test_whoRotatesJustNowIsNotDisturbed(tmp_path: Path) -> None:
    """
    While another process rotates, one writes into what it has.
    """
    one, other = two(tmp_path / "log")
    one.rotateLength = other.rotateLength = 10
    one.write("nine byte\n")
    with open(tmp_path / "log") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        other.write("nine byte\n")
    assert namesIn(tmp_path) == ["log"]
    other.write("nine byte\n")
    assert namesIn(tmp_path) == ["log", "log.1"]


def test_aLockThatIsNeverLetGoOf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Whoever may read the file can take it, or was stopped: it is rotated all the same, if
    not at once.
    """
    one = LogFile("log", str(tmp_path), rotateLength=10)
    one.write("nine byte\n")
    with open(tmp_path / "log") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        one.write("nine byte\n")
        assert namesIn(tmp_path) == ["log"]
        monkeypatch.setattr(logturns, "STUCK", 0.0)
        one.write("nine byte\n")
    assert (tmp_path / "log.1").read_text() == 2 * "nine byte\n"
    one.write("nine byte\n")
    assert one.refusedSince is None


def test_noDescriptorIsFree(tmp_path: Path) -> None:
    """
    Every line is written; the file is rotated when there is one again.
    """
    one = LogFile("log", str(tmp_path), rotateLength=10)
    one.write("nine byte\n")
    with fewDescriptors(0):
        one.write("nine byte\n")
    assert namesIn(tmp_path) == ["log"]
    one.write("nine byte\n")
    assert (tmp_path / "log.1").read_text() == 2 * "nine byte\n"
    assert (tmp_path / "log").read_text() == "nine byte\n"


def test_lockIsLetGoOf(tmp_path: Path) -> None:
    """
    Whatever a rotation raises, the next who tries may rotate.
    """

    class Failing(LogFile):
        def rotate(self) -> None:
            raise ZeroDivisionError

    one = Failing("log", str(tmp_path))
    other = LogFile("log", str(tmp_path))
    with pytest.raises(ZeroDivisionError):
        one.rotate()
    other.rotate()
    assert namesIn(tmp_path) == ["log", "log.1"]


def ownKind(base: type[LogFile]) -> type[LogFile]:
    """
    A class that rotates in a way of its own, and opens its file so, too.
    """

    class Own(base):  # type: ignore[misc,valid-type]
        def rotate(self) -> None:
            os.rename(self.path, f"{self.path}-{len(namesIn(Path(self.directory)))}")
            self._openFile()

        def _openFile(self) -> None:
            self._file = open(self.path, "r+b" if os.path.exists(self.path) else "w+b", 0)
            self._file.seek(0, os.SEEK_END)
            self.closed, self.size = False, 0

    return Own


def test_ownWays(tmp_path: Path) -> None:
    """
    A subclass that rotates and opens in its own way loses nothing either.
    """
    one, other = two(tmp_path / "log", ownKind(LogFile))
    one.rotateLength = other.rotateLength = 20
    for _ in range(3):
        one.write("nine byte\n")
        other.write("nine byte\n")
    assert namesIn(tmp_path) == ["log", "log-1", "log-2"]
    sizes = [(tmp_path / name).stat().st_size for name in namesIn(tmp_path)]
    assert sizes == [20, 20, 20]


def test_whatWasOpenBefore(tmp_path: Path) -> None:
    """
    A file that was opened before log files were shared appends as well.
    """
    one, other = two(tmp_path / "log")
    other._file.close()
    other._file = open(tmp_path / "log", "rb+", 0)
    one.write("one\n")
    other.write("other\n")
    assert (tmp_path / "log").read_text() == "one\nother\n"


def test_pathThatCannotBeOpened(tmp_path: Path) -> None:
    """
    What has been put at the path and cannot be opened is let be.
    """
    one, _ = two(tmp_path / "log")
    (tmp_path / "log").rename(tmp_path / "moved")
    (tmp_path / "log").mkdir()
    one.write("line\n")
    one.rotate()
    assert (tmp_path / "moved").read_text() == "line\n"
    assert namesIn(tmp_path) == ["log", "moved"]


def test_deletedFile(tmp_path: Path) -> None:
    """
    A file that was removed stays away, until it is reopened: as stock.
    """
    one, _ = two(tmp_path / "log")
    (tmp_path / "log").unlink()
    one.write("lost\n")
    one.rotate()
    assert namesIn(tmp_path) == []
    one.reopen()
    one.write("line\n")
    assert (tmp_path / "log").read_text() == "line\n"


def test_modeIsNeverWider(tmp_path: Path) -> None:
    """
    A file is made with the mode that is asked for, and keeps it when it is rotated.
    """
    made = LogFile("log", str(tmp_path), defaultMode=0o600)
    again = LogFile("log", str(tmp_path))
    again.rotate()
    made.write("line\n")
    for name in namesIn(tmp_path):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
    before = os.umask(0o777)
    try:
        wide = LogFile("wide", str(tmp_path), defaultMode=0o640)
    finally:
        os.umask(before)
    wide.write("line\n")
    assert stat.S_IMODE((tmp_path / "wide").stat().st_mode) == 0o640


def test_deviceIsNotRenamed(tmp_path: Path) -> None:
    """
    F{/dev/null} is written without end, and never rotated.
    """
    (tmp_path / "null").symlink_to("/dev/null")
    log = LogFile("null", str(tmp_path), rotateLength=10)
    for _ in range(3):
        log.write("nine byte\n")
    log.rotate()
    assert namesIn(tmp_path) == ["null"]
    assert (tmp_path / "null").is_symlink()


def inChild(call: Callable[[], None]) -> int:
    """
    Do something in a process of its own.

    @return: Its exit code: 0 if all went well.
    """
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            call()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_linkOfTheSystemsIsNotRenamed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    As F{/dev/stdout} is, where that leads to a file.
    """
    (tmp_path / "file").touch()
    (tmp_path / "stdout").symlink_to("file")
    monkeypatch.setattr(links, "SYSTEMS", (f"{tmp_path}/",))
    log = LogFile.fromFullPath(str(tmp_path / "stdout"), rotateLength=10)
    for text in ("one, and more\n", "two\n"):
        log.write(text)
    log.rotate()
    log.close()
    assert (tmp_path / "file").read_text() == "one, and more\ntwo\n"
    assert namesIn(tmp_path) == ["file", "stdout"]


@asRoot
def test_whoMayNotRotateWritesOn(tmp_path: Path) -> None:
    """
    A user who may write the file and not its directory: nothing is rotated, as in stock.
    """
    log = tmp_path / "log"
    log.touch(0o600)
    os.chown(log, NOBODY, NOBODY)
    descriptor = os.open(tmp_path, os.O_RDONLY)

    def write() -> None:
        # Those above it are not for everybody.
        os.fchdir(descriptor)
        os.fchmod(descriptor, 0o755)
        os.setuid(NOBODY)
        one = LogFile("log", ".", rotateLength=10)
        for _ in range(5):
            one.write("nine byte\n")
        one.rotate()

    try:
        assert inChild(write) == 0
    finally:
        os.close(descriptor)
    assert namesIn(tmp_path) == ["log"]
    assert log.stat().st_size == 50


def test_dailyIsRotatedOnce(tmp_path: Path) -> None:
    """
    The first line after midnight rotates, and every other is in the new file.
    """
    today = [(2026, 11, 26)]

    class Daily(DailyLogFile):
        def toDate(self, *when: float) -> tuple[int, ...]:
            return today[0]

    one, other = (Daily("log", str(tmp_path)) for _ in range(2))
    one.write("one\n")
    other.write("other\n")
    today[0] = (2026, 11, 27)
    other.write("today\n")
    one.write("today\n")
    assert namesIn(tmp_path) == ["log", "log.2026_11_26"]
    assert (tmp_path / "log").read_text() == "today\ntoday\n"


# Of root's, where somebody else keeps the directory


@pytest.fixture
def kept() -> Iterator[Path]:
    """
    A directory of nobody's, beside one of root's: C{etc}.
    """
    with tempfile.TemporaryDirectory() as public:
        os.chmod(public, 0o755)
        made = Path(public, "kept")
        for each in (made, Path(public, "etc")):
            each.mkdir()
        os.chown(made, NOBODY, NOBODY)
        yield made


@asRoot
@pytest.mark.parametrize("isThere", [False, True])
def test_rootFollowsNoLinkOfOthers(kept: Path, isThere: bool) -> None:
    """
    Nothing is made or written where it leads: the open file goes on to be written.
    """
    log, target = LogFile("log", str(kept)), kept.parent / "etc" / "passwd"
    log.defaultMode = 0o666
    log.write("before\n")
    if isThere:
        target.write_text("ours")
        target.chmod(0o600)
    (kept / "log").rename(kept / "moved")
    (kept / "log").symlink_to(target)
    log.write("after\n")
    log.rotate()
    log.write("and after\n")
    assert target.exists() == isThere
    if isThere:
        assert target.read_text() == "ours"
        assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert (kept / "moved").read_text() == "before\nafter\nand after\n"


@asRoot
def test_rootFollowsWhoRotates(kept: Path) -> None:
    """
    And rotates itself, as who keeps the directory.
    """
    log = LogFile("log", str(kept))
    log.write("one\n")
    (kept / "log").rename(kept / "log.1")
    (kept / "log").touch()
    os.chown(kept / "log", NOBODY, NOBODY)
    log.write("two\n")
    assert (kept / "log").read_text() == "two\n"
    log.rotatedAt = 0.0
    log.rotate()
    assert namesIn(kept) == ["log", "log.1", "log.2"]
    assert (kept / "log").stat().st_uid == NOBODY


@asRoot
@pytest.mark.parametrize("isEverybodys", [False, True])
def test_rootRotatesNothingThatOthersMayHaveSwapped(
    kept: Path, isEverybodys: bool
) -> None:
    """
    Not even by names that it has chosen: the file goes on.
    """
    inner = kept / "inner"
    inner.mkdir()
    if isEverybodys:
        kept.chmod(0o777)
        os.chown(kept, 0, 0)
    log = LogFile("log", str(inner))
    log.write("one\n")
    etc = kept.parent / "etc"
    for name in ("log", "log.1"):
        (etc / name).write_text("ours")
    inner.rename(kept / "moved")
    inner.symlink_to(etc)
    log.write("two\n")
    log.rotate()
    assert {each.name: each.read_text() for each in etc.iterdir()} == {
        "log": "ours",
        "log.1": "ours",
    }
    assert (kept / "moved" / "log").read_text() == "one\ntwo\n"


@asRoot
def test_rootWaitsForNobodyWhoKeepsItsLog(kept: Path) -> None:
    """
    A pipe in its place is not written; nor is a file waited for on which there is a
    lease. The open file goes on.
    """
    log = LogFile("log", str(kept))
    (kept / "log").rename(kept / "moved")
    os.mkfifo(kept / "log")
    for _ in range(3):
        log.write("x" * 65536)
    assert (kept / "moved").stat().st_size == 3 * 65536
    (kept / "log").unlink()
    held = os.open(kept / "log", os.O_RDWR | os.O_CREAT)
    os.chown(held, NOBODY, NOBODY)
    # Who breaks it would have to wait until the system does.
    signal.signal(signal.SIGIO, signal.SIG_IGN)
    fcntl.fcntl(held, fcntl.F_SETLEASE, fcntl.F_WRLCK)
    try:
        log.write("more\n")
        log.rotate()
        log.write("and more\n")
    finally:
        os.close(held)
        signal.signal(signal.SIGIO, signal.SIG_DFL)
    assert (kept / "moved").stat().st_size == 3 * 65536 + 14


@asRoot
def test_aRotationThatIsKeptFromHappeningLosesNothing(
    kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Half-way, by who keeps the directory: something is there when the file is begun anew.
    """
    log = LogFile("log", str(kept))
    log.write("one\n")
    rename = os.rename

    def renameAndBlock(old: str, new: str) -> None:
        rename(old, new)
        os.mkfifo(old)

    monkeypatch.setattr(os, "rename", renameAndBlock)
    log.rotate()
    log.write("two\n")
    assert (kept / "log.1").read_text() == "one\ntwo\n"
