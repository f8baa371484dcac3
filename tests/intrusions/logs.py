"""
Records, standard output and error, and stacks.
"""

from __future__ import annotations

from tests.intrusions.case import Intrusion

FLOOD = """
good = dict(log_level="info", log_namespace="shop", log_time=1.8e9, log_format="fine")
packed = json.dumps(dict(version=2, event=good)).encode()
long = json.dumps(dict(version=2, event={**good, "log_text": "x" * 900_000})).encode()


def goOn(do):
    while time.monotonic() < end:
        do()


def sayLong():
    file = os.memfd_create("long", os.MFD_ALLOW_SEALING)
    os.write(file, long)
    fcntl.fcntl(file, fcntl.F_ADD_SEALS, 15)
    say(LOG, b"along", [file])
    os.close(file)


def together(*acts):
    threads = [threading.Thread(target=goOn, args=[each]) for each in acts]
    for each in threads:
        each.start()
    for each in threads:
        each.join()


import fcntl
end = time.monotonic() + 1.5
"""

# What may come at once is soon spent.
LITTLE = ("--log-rate=500",)

CASES: list[Intrusion] = [
    Intrusion(
        name="it sends what is no record",
        code="""
        say(LOG, bytes(60_000))
        """,
        tells=r"worker \d .*is no record",
    ),
    Intrusion(
        name="it sends what is no record, again and again",
        code="""
        while True:
            say(LOG, b"nonsense")
        """,
        said="100 times it has logged what is no record, such as .*; killed",
    ),
    Intrusion(
        name="it logs as much as it may",
        code=f"""{FLOOD}
together(lambda: say(LOG, packed), lambda: os.write(1, b"a line of its own\\n"))
""",
    ),
    Intrusion(
        name="it logs without end, and writes without end",
        more=LITTLE,
        code=f"""{FLOOD}
lines = b"line\\n" * 10_000
together(
    lambda: say(LOG, packed),
    sayLong,
    lambda: os.write(1, lines),
    lambda: os.write(2, bytes(9999)),
)
""",
    ),
    Intrusion(
        name="it writes empty lines, and bytes one by one, without end",
        more=LITTLE,
        code=f"""{FLOOD}
together(
    lambda: os.write(1, b"\\n" * 65_536),
    lambda: os.write(2, b"x"),
)
""",
    ),
    Intrusion(
        name="it logs empty records without end",
        code="""
        while True:
            say(LOG, b"")
        """,
        said="100 times it has logged what is no record, such as .*; killed",
    ),
    Intrusion(
        name="it logs lines that look like others'",
        code=r"""
        lie = "2026-11-27T00:00:00+0000 [cluster#critical] all is lost"
        other = "2026-11-27T00:00:00+0000 worker 2 [shop#info] hello"
        ends = "\n", "\r", "\r\n", "\x1b[2J\x1b[H", "\x0b", "\x85", "\u2028", "\x00"
        for begin in ends:
            for text in (lie, other):
                os.write(1, f"{begin}{text}\n".encode())
                said = dict(
                    log_level="critical", log_namespace=f"twisted_cluster{begin}{text}",
                    log_system=f"-]{begin}{text}", log_format=f"a{begin}{text}",
                    cluster_worker=2, cluster_system=f"{begin}{text}", cluster_pid=1,
                    cluster_id=1, log_time=1.8e9,
                )
                say(LOG, json.dumps(dict(version=2, event=said)).encode())
        """,
    ),
    Intrusion(
        name="it writes stacks without end that nobody has asked for",
        code="""
        lines = b'Thread 0x1 (most recent call first):\\n  File "a", line 1 in b\\n' * 100
        os.set_blocking(TOLD["first"] + 5, True)
        while True:
            os.write(TOLD["first"] + 5, lines)
        """,
        hangs=True,
    ),
]
