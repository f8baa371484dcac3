"""
What Twisted's endpoints find. Apart from the others: whoever loads this loads Twisted's
endpoints, which take what systemd says out of the environment.
"""

from twisted_cluster.endpoints import DescriptorParser

descriptor = DescriptorParser()
