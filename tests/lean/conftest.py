"""
Not every system has epoll.
"""

import select

collect_ignore_glob = [] if hasattr(select, "epoll") else ["test_*"]
