"""
What gunicorn does besides: a worker that has loaded the application says so.
"""

import os


def post_worker_init(worker):
    os.write(1, b"worker (%d) ready\n" % worker.pid)
