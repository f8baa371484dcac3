"""
What it sends back through its handoff queue, and what it does to that.
"""

from __future__ import annotations

from tests.intrusions.case import Intrusion

# Takes the next connection that the worker is handed, out of its own hands.
TAKE = """
from twisted_cluster.wire.handed import packRecord
from twisted_cluster.wire.handoff import receive, send

queue = socket.socket(fileno=os.dup(HANDOFF))
taken = []
end = time.monotonic() + 5.0
while not taken and time.monotonic() < end:
    try:
        taken = list(receive(queue).connections)
    except BlockingIOError:
        time.sleep(0.0005)
one = taken[0]


def back(fd, nonce=one.nonce, **more):
    send(queue, [packRecord(1, "", nonce=nonce, **more)], [fd])


"""
# What is sent back so is not of whom the worker was handed a connection.
PEER = """
server = socket.create_server(("127.0.0.1", 0))
client = socket.create_connection(server.getsockname())
stranger, _ = server.accept()
"""

CASES: list[Intrusion] = [
    Intrusion(
        name="it sends back pipes",
        code="""
        pipe, _ = os.pipe()
        for _ in range(100):
            say(HANDOFF, record() * 64, [pipe] * 64)
        """,
        said="sends back",
    ),
    Intrusion(
        name="it sends back what it was never handed",
        code=PEER + "say(HANDOFF, record(nonce=10**9), [stranger.fileno()])",
        said="sends back a connection that it was not handed",
    ),
    Intrusion(
        name="it sends back a connection of another client in the place of its own",
        code=TAKE + PEER + "back(stranger.fileno())",
        said=r"sends back a connection of \('127.0.0.1', \d+\), not \(",
    ),
    Intrusion(
        name="it sends a connection back again and again",
        code=TAKE + "for _ in range(100): back(one.fd)",
        said="sends back a connection that it was not handed",
    ),
    Intrusion(
        name="it sends back a directory",
        code=TAKE + "back(os.open('/', os.O_RDONLY))",
        said="sends back what is no connection",
    ),
    Intrusion(
        name="it sends back a listening socket",
        code=TAKE + PEER + "back(server.fileno())",
        said="sends back what is no connection",
    ),
    Intrusion(
        name="it sends back records without descriptors, or with too many",
        code="""
        say(HANDOFF, record() * 64)
        say(HANDOFF, record(), [0, 1, 2])
        """,
        said="sends back 64 records with 0 descriptors",
    ),
    Intrusion(
        name="it sends back what is of no version",
        code="say(HANDOFF, bytes(2560))",
        said="sends back connections of version 0",
    ),
    Intrusion(
        name="it shuts its handoff queue",
        code="socket.socket(fileno=os.dup(HANDOFF)).shutdown(socket.SHUT_RDWR)",
        said="it has shut its handoff queue",
    ),
    Intrusion(
        name="it shuts its handoff queue for what comes",
        code="""
        socket.socket(fileno=os.dup(HANDOFF)).shutdown(socket.SHUT_RD)
        time.sleep(0.2)
        """,
        said="its handoff queue lets nothing in",
    ),
    Intrusion(
        name="it shuts its handoff queue for what comes, and has it taken back",
        code="""
        socket.socket(fileno=os.dup(HANDOFF)).shutdown(socket.SHUT_RD)
        for n in range(20):
            tell("Ready", isReady=bool(n % 2))
        """,
        said="its handoff queue lets nothing in",
    ),
    Intrusion(
        name="it blocks its handoff queue, and asks for more than comes with it",
        code="""
        queue = socket.socket(fileno=os.dup(HANDOFF))
        queue.setblocking(True)
        # SO_PASSCRED, SO_PASSPIDFD, SO_PEEK_OFF, SO_RCVLOWAT, SO_RCVBUF
        for option, value in ((16, 1), (76, 1), (42, 0), (18, 1000), (8, 1)):
            try:
                queue.setsockopt(socket.SOL_SOCKET, option, value)
            except OSError:
                pass
        for n in range(20):
            tell("Ready", isReady=bool(n % 2))
            time.sleep(0.02)
        """,
    ),
    Intrusion(
        name="it has the primary be the last who closes a connection that lingers",
        code="""
        # A process for each CPU, one of which is woken where the primary runs.
        queue, cells = socket.socket(fileno=os.dup(HANDOFF)), page()
        clients, much = [], bytes(1 << 18)
        linger = socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 10)


        def leave():
            for reader in reactor.getReaders():
                if reader.fileno() == HANDOFF:
                    reactor.removeReader(reader)


        def come(where):
            for _ in range(3):
                client = socket.socket()
                client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2304)
                client.setblocking(False)
                client.connect_ex(where)
                clients.append(client)
            for client in clients[:-300]:
                client.close()
            del clients[:-300]


        def rob(cpu, told):
            os.sched_setaffinity(0, [cpu])
            queue.setblocking(True)
            while True:
                data, fds, _, _ = socket.recv_fds(queue, 1 << 16, 64)
                if not data:
                    os._exit(0)
                for fd in fds:
                    one = socket.socket(fileno=fd)
                    one.setsockopt(*linger)
                    try:
                        where = one.getsockname()
                        one.send(much, socket.MSG_DONTWAIT)
                    except OSError:
                        pass
                    threading.Thread(target=one.close).start()
                os.write(told, bytes(len(fds)))
                come(where)


        reactor.callFromThread(leave)
        taken, told = os.pipe()
        for cpu in os.sched_getaffinity(0):
            if os.fork() == 0:
                rob(cpu, told)
        while True:
            count = len(os.read(taken, 1000))
            for cell in (2, 11, 3, 4):
                cells[cell] += count
        """,
        said="it has others wait for the end of a connection",
    ),
]
