"""Compiled code on disk: damaged files are compiled again, and two processes that compile at once do not collide."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

CODE = "import numpy as np, cogmap_kernels as ck; print(ck.voxelize(np.zeros((9, 3), np.float32), 1.0).n_points)"


def start(cache: Path) -> subprocess.Popen[str]:
    env = {**os.environ, "NUMBA_CACHE_DIR": str(cache)}
    env.pop("NUMBA_ENABLE_CUDASIM", None)
    command = [sys.executable, "-c", CODE]
    return subprocess.Popen(command, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def told(process: subprocess.Popen[str]) -> str:
    out, said = process.communicate(timeout=200)
    assert process.returncode == 0, said
    return out.strip()


def test_two_at_once_and_then_damage(tmp_path: Path) -> None:
    assert {told(p) for p in [start(tmp_path), start(tmp_path)]} == {"[9]"}
    files = [p for p in tmp_path.rglob("*") if p.suffix in (".nbi", ".nbc")]
    assert files
    for k, path in enumerate(files):
        data = path.read_bytes()
        path.write_bytes(data[: len(data) // 2] if k % 2 else b"\0" * 40)
    assert told(start(tmp_path)) == "[9]"
    assert told(start(tmp_path)) == "[9]"
