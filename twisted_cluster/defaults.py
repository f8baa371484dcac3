"""
What holds where nothing is said, and what is too much, the same for every face.
"""

# As Node's: the kernel makes 512 of it, and keeps to net.core.somaxconn.
BACKLOG = 511
# What Kubernetes, and gunicorn, give a process between SIGTERM and SIGKILL.
DRAIN_TIMEOUT = 30.0
# As long again, for what an application has to save.
STOP_TIMEOUT = 30.0
# Longer than any application that is alive needs to load what it needs.
START_TIMEOUT = 300.0
# Of memory that users' messages take in one process while they wait, in bytes: a quarter
# of a small machine's.
MAIL_LIMIT = 1 << 28
# More is a slip of the pen on any machine that there is.
MOST_WORKERS = 1024
# What has been imported before it is known which worker it is: nothing, what every worker
# needs, or the application too.
NO, TWISTED, APP = WARM = ("no", "twisted", "app")
# More than a worker that also serves can log: stock twistd writes some 8,000 lines of an
# access log. What it takes of the primary's time has a limit of its own.
LOG_RATE = 20_000.0
