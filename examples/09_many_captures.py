"""Thousands of captures: each is mapped once, whatever crashes; run again, it goes on where it was.

python 09_many_captures.py

Needs `pip install "cogmap[batch]"`. One of the three captures here is broken on purpose.
"""

from pathlib import Path

import cogmap
from cogmap.batch.run import run_batch

if __name__ == "__main__":  # workers are processes of their own, which import this file
    place = Path("cogmap-sample")
    if not place.exists():
        cogmap.write_sample(place)
    Path("broken.mp4").write_bytes(b"no film")
    Path("clips.csv").write_text(
        f"id,source,max_frames\nwhole,{place}/scan,\nhalf,{place}/scan,12\nbroken,broken.mp4,\n"
    )
    for attempt in ("first run", "second run"):
        figures = run_batch("clips.csv", "maps", jobs=2, retries=0)
        print(attempt, {name: figures[name] for name in ("done", "failed", "already_done") if name in figures})
    print(sorted(p.name for p in Path("maps").iterdir() if not p.name.startswith(".")))
