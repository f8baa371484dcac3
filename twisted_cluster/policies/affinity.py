"""
Whose a key is, and stays.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from functools import lru_cache

from attrs import Factory, define

from twisted_cluster.core.addresses import networkOf
from twisted_cluster.interfaces import IWorkerLoad
from twisted_cluster.policies.rendezvous import digest, owner


@define
class Affinity:
    """
    Gives a key to the worker that it is hashed to, and leaves it with that very process
    until that is gone. The keys that nobody used for longest are forgotten.

    @ivar most: How many keys are remembered.
    """

    most: int
    _ids: OrderedDict[int, int] = Factory(OrderedDict)

    def of(self, key: int, ready: Sequence[IWorkerLoad]) -> IWorkerLoad:
        """
        The worker that has a key from now on.

        @param key: A L{digest}.
        """
        chosen = self.recall(key, ready)
        if chosen is None:
            chosen = owner(key, ready)
            self.keep(key, chosen)
        return chosen

    def recall(self, key: int, ready: Sequence[IWorkerLoad]) -> IWorkerLoad | None:
        """
        The worker that has the key already, if it is there.
        """
        id = self._ids.get(key)
        if id is not None:
            self._ids.move_to_end(key)
            for worker in ready:
                if worker.id == id:
                    return worker
        return None

    def keep(self, key: int, worker: IWorkerLoad) -> None:
        """
        A worker has the key from now on.
        """
        self._ids[key] = worker.id
        self._ids.move_to_end(key)
        if len(self._ids) > self.most:
            self._ids.popitem(last=False)

    def __len__(self) -> int:
        return len(self._ids)


# Parsing an address takes longer than all the rest of a choice; who comes often is known.
@lru_cache(4096)
def clientKey(host: str, prefix4: int = 32, prefix6: int = 64) -> int | None:
    """
    What counts as one client.

    @param host: An IP address, with or without a zone.
    @return: The digest of its first bits; L{None} if it is no address. An IPv4 address
        written as an IPv6 one is an IPv4 address.
    """
    network = networkOf(host, prefix4, prefix6)
    return None if network is None else digest(str(network).encode())
