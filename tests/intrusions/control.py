"""
The control channel: messages, descriptors along with them, and what it asks for.
"""

from __future__ import annotations

from tests.intrusions.case import Intrusion

# The answers to what it asks for are read here, and not by its loop.
ALONE = """
stopped = threading.Event()
control = reactor.clusterPorts.control.reader
reactor.callFromThread(lambda: (control.stop(), stopped.set()))
stopped.wait()
answers = socket.socket(fileno=os.dup(CONTROL))

def unread():
    while True:
        try:
            answers.recv(20000, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
"""
MESSAGES = """
texts = [json.dumps([1, name, fields]).encode() for name, fields in {said}]
while True:
    for text in texts:
        say(CONTROL, text)
"""
FLOODS = r"it floods its control channel: \d+ messages in \d+ s, and more to come"


def flood(name: str, *said: tuple[str, dict[str, object]]) -> Intrusion:
    """
    @param name: Of the case.
    @param said: What it says, again and again.
    """
    code = MESSAGES.format(said=said)
    return Intrusion(name, code, FLOODS, seconds=3.0)


def opening(count: int) -> str:
    """
    @return: Code that opens so many ports, and then says what is no message.
    """
    return f"""{ALONE}
for n in range({count}):
    spec = dict(kind="tcp", port=0)
    tell("Listen", question=10**6 + n, ordinal=n, spec=spec)
    unread()
say(CONTROL, b"enough")
"""


# Answers of a file system with one file, as far as that can be opened.
ANSWERS = """
INIT, LOOKUP, OPEN = 26, 1, 14
OPENED = dict(
    [
        (INIT, struct.pack("<IIIIHHII32x", 7, 31, 65536, 0, 0, 0, 65536, 1)),
        (LOOKUP, struct.pack("<QQQQ8x60xII20x", 2, 0, 9, 9, 0o100644, 1)),
        (OPEN, struct.pack("<QII", 7, 0, 0)),
    ]
)

def answer(device, asked, number):
    said = OPENED[asked]
    os.write(device, struct.pack("<IiQ", 16 + len(said), 0, number) + said)
"""
# A file of a file system that a child of this process serves, for three seconds, and that
# answers nobody who closes it; where the system lets nobody make one, of a pipe, which
# harms nobody.
NEVER_CLOSED = (
    ANSWERS
    + """
import ctypes, tempfile

def serve(device):
    signal.alarm(3)
    while True:
        _, asked, number = struct.unpack_from("<IIQ", os.read(device, 1 << 18))
        if asked in OPENED:
            answer(device, asked, number)

def neverClosed():
    system = ctypes.CDLL(None, use_errno=True)
    place = tempfile.mkdtemp(dir=BESIDE)
    try:
        device = os.open("/dev/fuse", os.O_RDWR)
    except OSError:
        return os.pipe()[0]
    options = f"fd={device},rootmode=40000,user_id={os.geteuid()},group_id={os.getegid()}"
    # In a place of its own, which nobody else sees.
    if system.unshare(0x20000) or system.mount(b"", b"/", None, 0x44000, None):
        return os.pipe()[0]
    if system.mount(b"x", place.encode(), b"fuse", 0, options.encode()):
        return os.pipe()[0]
    if os.fork() == 0:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        try:
            os.closerange(3, device)
            os.closerange(device + 1, 1000)
            serve(device)
        finally:
            os._exit(0)
    os.close(device)
    return os.open(place + "/x", os.O_RDWR)
"""
)

CASES: list[Intrusion] = [
    Intrusion(
        name="it sends what is no message",
        code="""
        for n in range(50):
            say(CONTROL, b"nonsense")
        """,
        said="not a message: b'nonsense'",
    ),
    Intrusion(
        name="it sends empty messages without end",
        code="""
        while True:
            say(CONTROL, b"")
        """,
        said="not a message: b''",
    ),
    flood(
        "it tells states and where it listens without end",
        ("Room", {}),
        ("Ready", {"isReady": False}),
        ("Ready", {"isReady": True}),
        ("Pause", {"listener": 1, "paused": True}),
        ("Pause", {"listener": 1, "paused": False}),
        ("Limit", {"listener": 1, "willing": 2**40}),
        ("Limit", {"listener": 1, "willing": None}),
        ("Online", {}),
        ("Listening", {"address": "x" * 15000, "port": 1, "addressType": 4, "fd": None}),
    ),
    Intrusion(
        name="it opens ports and closes them without end",
        code=ALONE
        + """
for n in range(10**9):
    for kind in ("tcp", "udp"):
        spec = dict(kind=kind, port=0)
        tell("Listen", question=10**6 + n, ordinal=10**6 + n, spec=spec)
    for listener in range(2 * n, 2 * n + 5):
        tell("Unlisten", question=10**6 + n, listener=listener)
    unread()
""",
        said=FLOODS,
        seconds=3.0,
    ),
    Intrusion(
        name="it opens ports without end",
        code=opening(300),
        said="not a message: b'enough'",
        descriptors=512,
    ),
    Intrusion(
        name="it opens ports without end that the kernel would choose for",
        code=opening(100),
        said="not a message: b'enough'",
        more=("--dispatch=kernel", "--policy=least-connections"),
        descriptors=512,
        spares=False,
    ),
    Intrusion(
        name="it sends descriptors over the control channel",
        code="""
        pipe, _ = os.pipe()
        room = json.dumps([1, "Room", {}]).encode()
        for data, fds in ((b"", 1), (room, 2), (room, 253), (b"x", 253)):
            for _ in range(50):
                try:
                    say(CONTROL, data, [pipe] * fds)
                except PermissionError:
                    pass
        say(CONTROL, b"nonsense")
        """,
        said="(it sends descriptors where none belong|not a message: b'nonsense')",
    ),
    Intrusion(
        name="it asks for ports that cannot be",
        code="""
        def listen(**fields):
            spec = fields.pop("spec")
            tell("Listen", question=10**6, spec=dict(kind="tcp", **spec), **fields)
            time.sleep(0.01)

        big = 2**62
        listen(spec=dict(port=0, interface="x" * 9000))
        listen(spec=dict(port=0, interface="127.0.0.1\\0"))
        listen(spec=dict(port=0, interface="1" * 9000))
        listen(spec=dict(port=0, interface="::" + ":" * 9000))
        listen(spec=dict(port=0, interface="fe80::1%" + "l" * 9000))
        listen(spec=dict(port=0, backlog=big, mode=big, fd=big))
        listen(spec=dict(port=0, backlog=-big))
        listen(spec=dict(port=0, name="n" * 9000), ordinal=big)
        listen(spec=dict(port=0, fd=0))
        for path in ("x" * 9000, "a\\0b", "", "\\0" * 300, "/", ".", "\\ud800"):
            for more in (dict(), dict(wantPID=True), dict(mode=-big)):
                spec = dict(path=path, **more)
                tell("Listen", question=10**6, spec=dict(kind="unix", **spec))
                spec = dict(kind="unix", path="x", **more)
                tell("Listen", question=10**6, spec=spec, directory=path)
        for listener in (0, -1, big, -big):
            tell("Unlisten", question=big, listener=listener)
            tell("Released", listener=listener)
            tell("Pause", listener=listener, paused=True)
            tell("Limit", listener=listener, willing=big)
        say(CONTROL, b"enough")
        """,
        said="not a message: b'enough'",
    ),
    Intrusion(
        name="it sends files that nobody can close",
        code=NEVER_CLOSED
        + """
file = neverClosed()
for _ in range(3):
    say(LOG, b"along", [file])
    say(MAIL, frame(1, flags=1, body=b"1"), [file])
    for fds in ([file], [file] * 2):
        try:
            say(CONTROL, b"", fds)
        except PermissionError:
            pass
say(HANDOFF, record(), [file])
say(CONTROL, b"enough")
""",
        said="(it sends back|not a message: b'enough'|it sends descriptors|it logs)",
    ),
]
