"""
What the attacks are compared with: the same load on the machine, without harm.
"""

from __future__ import annotations

from tests.intrusions.case import Intrusion

CONTROLS = [
    Intrusion(
        name="(no attack: it only computes)",
        code="""
        end = time.monotonic() + {seconds}
        while time.monotonic() < end:
            sum(range(10_000))
        """,
    ),
    Intrusion(
        name="(no attack: four threads of it compute, all at a time)",
        # Without the interpreter's lock.
        code="""
        import hashlib
        end = time.monotonic() + {seconds}

        def compute():
            while time.monotonic() < end:
                hashlib.pbkdf2_hmac("sha256", b"password", b"salt", 20_000)

        threads = [threading.Thread(target=compute) for _ in range(4)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        """,
    ),
    Intrusion(
        name="(no attack: it dies, and is replaced)",
        code="os.kill(os.getpid(), signal.SIGSEGV)",
        said="died of SIGSEGV",
    ),
]
