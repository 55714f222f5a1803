"""What cron calls: each stage as its own process, and on to the next whatever it said.

python schedule.py monthly | nightly DAY | weekly
"""

import subprocess
import sys
from pathlib import Path

from backtrail import pipeline

STAGES = {
    "monthly": [
        ["ingest.py", "flights"],
        ["ingest.py", "planes"],
        ["clean.py", "flights", "2013-09", "2013-10", "2013-11"],
    ],
    "nightly": [["ingest.py", "weather"], ["clean.py", "weather"], ["features.py", "today"]],
    "weekly": [["features.py", "training"], ["train.py"]],
}

if __name__ == "__main__":
    name, *arguments = sys.argv[1:]
    folder = Path(__file__).parent
    with pipeline(name):
        for script, *words in STAGES[name]:
            subprocess.run([sys.executable, folder / script, *words, *arguments], check=False)
