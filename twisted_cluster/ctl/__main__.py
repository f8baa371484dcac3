"""
C{python -m twisted_cluster.ctl}.
"""

from __future__ import annotations

from twisted_cluster.ctl.main import main

if __name__ == "__main__":
    main()
