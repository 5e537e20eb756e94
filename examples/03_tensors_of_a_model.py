"""Pictures, depth, K and poses that a model left in memory become a map.

python 03_tensors_of_a_model.py

Arrays may be numpy or torch, on any device. `metric=True` says that depth and poses are metres; a model that knows
shapes only says `metric=False`, and the map then looks for evidence of its scale or says that it has none.
"""

from pathlib import Path

import numpy as np
from PIL import Image

import cogmap

place = Path("cogmap-sample")
if not place.exists():
    cogmap.write_sample(place)
names = sorted((place / "scan").glob("*.color.jpg"))
rgb = np.stack([np.asarray(Image.open(p)) for p in names])
depth = np.stack([np.asarray(Image.open(str(p).replace("color.jpg", "depth.png"))) for p in names]) / 1000.0
T_world_cam = np.stack([np.loadtxt(str(p).replace("color.jpg", "pose.txt")) for p in names])
K = np.loadtxt(place / "scan" / "camera-intrinsics.txt")

m = cogmap.build_arrays(rgb=rgb, depth=depth.astype(np.float32), K=K, T_world_cam=T_world_cam, metric=True)
print(m.to_text("metric", max_tokens=400))

# The same frames as a model without metres would give them: everything by an unknown factor.
unknown = T_world_cam.copy()
unknown[:, :3, 3] *= 0.37
n = cogmap.build_arrays(rgb=rgb, depth=0.37 * depth.astype(np.float32), K=K, T_world_cam=unknown, metric=False)
print(f"{n.scale.kind} from {n.scale.source}, lengths within {n.scale.rel_sigma:.0%}; {n.quality.status}")
