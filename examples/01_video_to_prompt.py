"""A phone video becomes the prompt that a vision-language model reads.

python 01_video_to_prompt.py [VIDEO]

Without a video the sample's film is taken (18 s of a made-up room; minutes on two cores: cameras and depth are found
from the pictures alone). A length has to come from somewhere: here the camera was held 1.5 m above the floor.
"""

import sys
from pathlib import Path

import cogmap

place = Path("cogmap-sample")
if len(sys.argv) < 2 and not place.exists():
    cogmap.write_sample(place)
video = Path(sys.argv[1]) if len(sys.argv) > 1 else place / "room.mp4"

m = cogmap.build(
    video,
    scale="camera-height=1.5",
    on_progress=lambda stage, done, total: print(f"{done}/{total} {stage}", file=sys.stderr),
)
m.save(video.with_suffix(".cogmap"), overwrite=True)

prompt = m.prompt("Where could a person sit down, and how far is each place from the largest table?")
print(prompt.text)
print(
    f"about {prompt.estimate('openai').total} tokens with its picture; the map is {m.quality.status}", file=sys.stderr
)
for issue in m.quality.warnings:
    print(f"{issue.code}: {issue.effect}", file=sys.stderr)
