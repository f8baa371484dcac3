"""
Memory that is not there, and that nobody brings: what copies from it, or to it, never
comes back, and keeps its locks.
"""

from __future__ import annotations

import ctypes
import os
import platform

USERFAULTFD = {"x86_64": 323, "aarch64": 282}.get(platform.machine(), -1)


def mayLock() -> bool:
    """
    Whether there can be such memory.
    """
    made = ctypes.CDLL(None).syscall(USERFAULTFD, os.O_CLOEXEC)
    if made >= 0:
        os.close(made)
    return bool(made >= 0)


# For another process: C{absent(memory, first)} is its address, from the byte C{first} on.
ABSENT = f"""
import ctypes, fcntl, mmap, os, struct

system = ctypes.CDLL(None)
faults = system.syscall({USERFAULTFD}, os.O_CLOEXEC)
fcntl.ioctl(faults, 0xc018aa3f, bytearray(struct.pack("QQQ", 0xAA, 0, 0)))


def absent(memory, first=0):
    start = ctypes.addressof(ctypes.c_char.from_buffer(memory)) + first
    area = struct.pack("QQQQ", start, len(memory) - first, 1, 0)
    fcntl.ioctl(faults, 0xc020aa00, bytearray(area))
    return start
"""
# SO_LINGER is read when the socket is locked: its second half from there.
LINGER = f"""{ABSENT}
memory = mmap.mmap(-1, 2 * mmap.PAGESIZE)
memory[0] = 1
half = absent(memory, mmap.PAGESIZE) - 4


def lockListening(fd):
    linger = (fd, socket.SOL_SOCKET, socket.SO_LINGER, half, 8)
    arguments = tuple(map(ctypes.c_void_p, linger))
    threading.Thread(target=system.setsockopt, args=arguments, daemon=True).start()
"""
