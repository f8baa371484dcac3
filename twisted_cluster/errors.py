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


class VersionError(MessageError):
    """
    The process at the other end speaks a version that is not known here: the two were
    not started from one installation.
    """


class ChannelClosedError(ClusterError):
    """
    The process at the other end of a channel is gone, or has closed the channel; if it
    was this process, it is L{ChannelClosedHereError}.
    """


class ChannelFullError(ClusterError):
    """
    The process at the other end of a channel lives, but has not read what it was told:
    there is no room for more now, and there may be later.
    """


class QueueEndedError(ClusterError):
    """
    Nothing more can come out of a handoff queue: its other end is closed.
    """


class NotPrimaryError(ClusterError):
    """
    A worker was asked for something that only the primary does.
    """


class SettingsError(ClusterError, ValueError):
    """
    A setting of the cluster is unknown, or its value is not accepted.
    """


class ConfigError(SettingsError):
    """
    What a cluster was to be made of is not accepted.

    @ivar name: Which setting, such as C{"maxConnections"}.
    @ivar given: What was given for it.
    @ivar why: What is wrong with that, or what is accepted.
    """

    def __init__(self, name: str, given: object, why: str) -> None:
        super().__init__(f"{name}={given!r:.80}: {why}")
        self.name = name
        self.given = given
        self.why = why

    @property
    def asOption(self) -> str:
        """
        The same, for who gave it on a command line: C{--max-connections}.
        """
        given = "" if self.given is True else f" {shown(self.given)}"
        return f"--{optionOf(self.name)}{given}: {self.why}"


def shown(given: object) -> str:
    """
    @return: What somebody gave, as it was; C{''} where that cannot be seen.
    """
    return str(given) or "''"


def optionOf(name: str) -> str:
    """
    @param name: A setting: C{"maxConnections"}.
    @return: What it is called as an option: C{"max-connections"}.
    """
    return "".join(f"-{c.lower()}" if c.isupper() else c for c in name)


class CommandError(ClusterError):
    """
    What a cluster was told to do it could not do; the message says why, to who told it.
    """


class ControlTakenError(ClusterError):
    """
    Another process listens where a control socket is to be.

    @ivar path: Where that is.
    @ivar pid: Which process, if that is known.
    """

    def __init__(self, path: str, pid: int | None) -> None:
        who = "another cluster" if pid is None else f"another cluster (pid {pid})"
        super().__init__(
            f"{who} has the control socket {path}: stop it, or give this one a --control "
            "PATH of its own"
        )
        self.path = path
        self.pid = pid


class UnknownEventError(ClusterError, ValueError):
    """
    There is no such event.
    """


class NotSerializableError(ClusterError, TypeError):
    """
    A message holds something that the codec in use cannot carry.
    """


class MessageTooLongError(ClusterError, ValueError):
    """
    A message is longer than any process would accept.
    """


class MailboxFullError(ClusterError):
    """
    So much waits for a process to read it that no more is taken.
    """


class TooManyTopicsError(ClusterError):
    """
    A worker has subscribed to more topics than the primary remembers.
    """


class HandleError(ClusterError, ValueError):
    """
    This cannot be handed to another process: it is closed, or of no such kind.
    """


class AskTimeoutError(ClusterError, TimeoutError):
    """
    A question was not answered in time.
    """


class AskFailedError(ClusterError):
    """
    The process that was asked could not answer; the message says why.
    """


class ChannelClosedHereError(ChannelClosedError):
    """
    This process has closed the channel itself: the one at the other end may live on.
    """
