"""What must be nowhere in a sound database: in words, and a statement that counts it."""

from __future__ import annotations

CONSISTENT = {
    "outputs belong to no run": (
        "SELECT count(*) FROM output o WHERE NOT EXISTS (SELECT 1 FROM run r WHERE r.run = o.run)"
    ),
    "outputs name no artifact": (
        "SELECT count(*) FROM output o"
        " WHERE NOT EXISTS (SELECT 1 FROM artifact a WHERE a.artifact = o.artifact)"
    ),
    "inputs belong to no run": (
        "SELECT count(*) FROM input i WHERE NOT EXISTS (SELECT 1 FROM run r WHERE r.run = i.run)"
    ),
    "runs have no site": (
        "SELECT count(*) FROM run r WHERE NOT EXISTS (SELECT 1 FROM site s WHERE s.site = r.site)"
    ),
}
