"""
What can go wrong, named after what is wrong.
"""


class ClusterError(Exception):
    """
    The root of every error that this package raises on purpose.
    """


class StartError(SystemExit, ClusterError):
    """
    The cluster cannot start; the message is for the person at the terminal.

    It is a L{SystemExit}, so that a process that nobody stops from ending prints
    the message alone and exits 1, and an L{Exception}, so that twistd removes its
    pidfile and tells the terminal it was daemonised from.
    """


class PolicyArgumentError(ClusterError, ValueError):
    """
    A policy was given an argument that it does not take, or a bad value.
    """


class MessageError(ClusterError):
    """
    The process at the other end of a channel sent something that is no message.
    """


class ChannelClosedError(ClusterError):
    """
    The process at the other end of a channel is gone.
    """
