"""
What the primary runs before anything else: it measures the turns of its loop, and says
where it is when one is long.
"""

from __future__ import annotations

WATCHED = """
if isPrimary:
    import mmap, select, threading, traceback

    cells = memoryview(
        mmap.mmap(os.open(os.environ["FUZZ_COUNTERS"], os.O_RDWR), 64)
    ).cast("Q")
    SLOW = int(os.environ.get("FUZZ_SLOW_MS", "50")) * 1_000_000
    begun = [0, 0]
    real = select.epoll
    main = threading.main_thread().ident

    class Epoll:
        def __init__(self, *sizes):
            self._real = real(*sizes)
            self._isReactor = sizes == (1024,)

        def __getattr__(self, name):
            return getattr(self._real, name)

        def poll(self, *given):
            if not self._isReactor:
                return self._real.poll(*given)
            now, cpu = time.monotonic_ns(), time.thread_time_ns()
            if begun[0]:
                took = now - begun[0]
                cells[1] += 1
                cells[2] = max(cells[2], took)
                cells[3] = max(cells[3], cpu - begun[1])
                if took > SLOW:
                    cells[4] += 1
                    cpu_ms = (cpu - begun[1]) / 1e6
                    say(f"= turn of {took / 1e6:.0f} ms, {cpu_ms:.0f} of CPU")
            begun[0] = 0
            found = self._real.poll(*given)
            begun[0], begun[1] = time.monotonic_ns(), time.thread_time_ns()
            return found

    def say(text):
        with open(os.environ["FUZZ_SLOW"], "a") as file:
            print(text, file=file)

    def watch():
        seen = 0
        while True:
            time.sleep(SLOW / 4e9)
            since = begun[0]
            if since and since != seen and time.monotonic_ns() - since > SLOW:
                seen = since
                frame = sys._current_frames().get(main)
                say("".join(traceback.format_stack(frame)[-12:]))

    select.epoll = Epoll
    threading.Thread(target=watch, daemon=True).start()
"""
