"""
Its own life: what it says of itself, and when it is to end.
"""

from __future__ import annotations

from tests.intrusions.case import Intrusion

CASES: list[Intrusion] = [
    Intrusion(
        name="it is ready and is not, without end",
        code="""
        end = time.monotonic() + 1.0
        while time.monotonic() < end:
            for isReady in (False, True):
                tell("Ready", isReady=isReady)
                tell("Online", isReady=isReady)
            tell("Born")
        """,
    ),
    Intrusion(
        name="it says that it ends, again and again, and stays",
        code="""
        end = time.monotonic() + 1.0
        while time.monotonic() < end:
            for planned in (False, True):
                tell("Leaving", planned=planned)
                tell("Ready", isReady=True)
            tell("Born")
        time.sleep(10)
        """,
        more=("--stop-timeout=1",),
        hangs=True,
        seconds=4.0,
    ),
    Intrusion(
        name="it says that it ends, and listens when it has a successor",
        code="""
        tell("Leaving", planned=True)
        time.sleep(1.5)
        for n in range(50):
            spec = dict(kind="tcp", port=0)
            tell("Listen", question=10**6 + n, ordinal=n, spec=spec)
        time.sleep(10)
        """,
        more=("--stop-timeout=1",),
        hangs=True,
        seconds=3.0,
    ),
    Intrusion(
        name="it stops itself",
        code="""
        os.kill(os.getpid(), signal.SIGSTOP)
        """,
        said="is ended: it had shown no life for 1 s",
        more=("--hang-timeout=1", "--hang-warning=0"),
    ),
    Intrusion(
        name="it dies, and a child of its goes on with all of its wires",
        code="""
        if os.fork() == 0:
            os.setsid()
            end = time.monotonic() + 2.0
            while time.monotonic() < end:
                for say in (
                    lambda: tell("Ready", isReady=True),
                    lambda: os.write(1, b"stray" * 1000),
                    lambda: socket.socket(fileno=os.dup(HANDOFF)).recv(1),
                    lambda: socket.socket(fileno=os.dup(MAIL)).send(frame(1)),
                    lambda: socket.socket(fileno=os.dup(LOG)).send(b"{}"),
                ):
                    try:
                        say()
                    except OSError:
                        pass
            os._exit(0)
        os.kill(os.getpid(), signal.SIGKILL)
        """,
        said="died of SIGKILL after",
        seconds=1.0,
    ),
]
