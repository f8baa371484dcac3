"""
The page that it writes about itself.
"""

from __future__ import annotations

from tests.intrusions.case import Intrusion

# Each number that there is, again and again; not the version, which is read at birth.
LIES = """
cells, end = page(), time.monotonic() + 0.7
while time.monotonic() < end:
    for value in (lambda: 2**64 - 1, lambda: int.from_bytes(os.urandom(8), "little")):
        for n in range(1, len(cells)):
            cells[n] = value()
    {and_then}
    time.sleep(0.001)
"""
NOTHING = """
    for n in range(1, len(cells)):
        cells[n] = 0
"""

LIED = r"it says that it"

CASES: list[Intrusion] = [
    Intrusion(
        name="it writes the largest numbers, any, and none over its page",
        code=LIES.format(and_then=NOTHING),
        said=LIED,
    ),
    Intrusion(
        name="it lies to a policy that goes by what workers say",
        code=LIES.format(and_then=NOTHING),
        said=LIED,
        more=("--policy=noting:inner=power-of-two",),
    ),
    Intrusion(
        name="it says that more connections have ended than it had, where these count",
        code=LIES.format(and_then="pass"),
        said=LIED,
        more=("--max-connections=100", "--max-per-address=100", "--at-limit=refuse"),
    ),
    Intrusion(
        name="it lies about itself, where its age, its size and its load are looked at",
        code=LIES.format(and_then=NOTHING),
        said=LIED,
        more=("--workers=3-4", "--hang-timeout=5", "--hang-warning=0.2"),
    ),
    Intrusion(
        name="it makes its page shorter, or longer, or seals it",
        code="""
        import fcntl

        def isDone(what, *arguments):
            try:
                what(*arguments)
            except OSError:
                return False
            return True

        same = f"/proc/self/fd/{PAGE}"
        assert not isDone(os.ftruncate, PAGE, 0)
        assert not isDone(os.ftruncate, PAGE, 1 << 20)
        assert not isDone(os.open, same, os.O_RDWR | os.O_TRUNC)
        for seal in (1, 2, 4, 8, 16):
            assert not isDone(fcntl.fcntl, PAGE, fcntl.F_ADD_SEALS, seal), seal
        """,
    ),
    Intrusion(
        name="it makes holes in its page, and has it filled again by nobody",
        code="""
        import ctypes
        import mmap

        libc, size = ctypes.CDLL(None, use_errno=True), os.fstat(PAGE).st_size
        for _ in range(200):
            # PUNCH_HOLE | KEEP_SIZE
            libc.fallocate(PAGE, 3, ctypes.c_long(0), ctypes.c_long(size))
            mmap.mmap(PAGE, size).madvise(mmap.MADV_REMOVE)
            time.sleep(0.002)
        """,
        said=LIED,
    ),
]
