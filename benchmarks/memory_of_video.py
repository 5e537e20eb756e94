"""Peak memory while frames are read and chosen: a 10-minute 1080p video against a 1-minute one.

python -m benchmarks.memory_of_video
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import av
import numpy as np

FPS = 10
PROBE = """
import resource, sys
from pathlib import Path
from cogmap.capture.sampling import frames_for_reconstruction
from cogmap.capture.sniff import open_source
capture = open_source(Path(sys.argv[1]))
choice = frames_for_reconstruction(capture, most=300, max_gap=2.0)
read = sum(1 for _ in capture.frames(choice.indices))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, len(choice.indices), read)
"""


def write(path: Path, minutes: float) -> None:
    """A slow pan over noise, 1920 x 1080."""
    wall = np.random.default_rng(0).integers(0, 255, (1080 // 8, 4096 // 8, 3), dtype=np.uint8)
    wall = wall.repeat(8, axis=0).repeat(8, axis=1)
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = 1920, 1080, "yuv420p"
        stream.options = {"preset": "ultrafast", "crf": "30"}
        for i in range(int(60 * FPS * minutes)):
            x = int((1 + np.sin(i / 40)) / 2 * (4096 - 1920))
            out.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(wall[:, x : x + 1920]))))
        out.mux(stream.encode())


def main() -> None:
    """Print megabytes of both and their ratio."""
    with tempfile.TemporaryDirectory() as folder:
        peaks = []
        for minutes in (1, 10):
            path = Path(folder) / f"{minutes}.mp4"
            write(path, minutes)
            done = subprocess.run([sys.executable, "-c", PROBE, str(path)], capture_output=True, text=True, check=True)
            peak, chosen, read = done.stdout.split()
            peaks.append(float(peak))
            print(
                json.dumps(
                    {"minutes": minutes, "peak_mb": round(float(peak)), "chosen": int(chosen), "read": int(read)}
                )
            )
        print(json.dumps({"ratio": round(peaks[1] / peaks[0], 3)}))


if __name__ == "__main__":
    main()
