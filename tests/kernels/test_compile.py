"""Every CUDA kernel compiles for three architectures without a card, and code that makes keys contracts nothing."""

from __future__ import annotations

import importlib
import os
import pkgutil
import re
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

numba_cuda = pytest.importorskip("numba_cuda", reason="numba-cuda is not installed")
pytestmark = pytest.mark.skipif(os.environ.get("NUMBA_ENABLE_CUDASIM") == "1", reason="the simulator compiles nothing")

I32, I64, U8, F32, F64, BOOL = "int32", "int64", "uint8", "float32", "float64", "boolean"
P3, P3D, V3 = "float32[:,::1]", "float64[:,::1]", "int32[:,::1]"
EXACT = (
    "voxel_kernels.find",
    "voxel_kernels.add",
    "voxel_kernels.unproject",
    "voxel_kernels.farthest",
    "voxel_kernels.finish",
    "voxel_kernels.finish_normal",
    "dbscan._join",
    "dbscan._find_cores",
    "dbscan._adopt",
    "planes._claim",
    "visibility._draw",
    "visibility._agree",
    "bev._splat",
    "boxes._extremes",
    "boxes._owners",
)
SIGNATURES: dict[str, str] = {
    "voxel_kernels.farthest": f"({P3}, float64[::1], float64, float64[::1])",
    "voxel_kernels.unproject": f"(float32[:,::1], {P3D}, {P3D}, {P3})",
    "voxel_kernels.vacate": "(int64[::1],)",
    "voxel_kernels.clear": f"(int64[:,::1], {P3}, {V3})",
    "voxel_kernels.move": f"(int64[:,::1], {P3}, {V3}, int64[:,::1], {P3}, {V3})",
    "voxel_kernels.enter": "(int64[::1], int64, int64[::1], int32[::1], int64[::1])",
    "voxel_kernels.find": f"({P3}, float64[::1], float64, int64[::1], int32[::1], int64[::1], int32[::1], int64[::1])",
    "voxel_kernels.add": f"({P3}, float64[::1], float64, uint8[:,::1], boolean, int32[::1], int32[::1], int64[:,::1])",
    "voxel_kernels.add_confidence": "(int32[::1], float32[::1], int64[:,::1])",
    "voxel_kernels.add_normal": f"(int32[::1], {P3}, int64[:,::1])",
    "voxel_kernels.add_extent": f"(int32[::1], {P3}, {P3})",
    "voxel_kernels.add_view": f"(int32[::1], int64, {V3})",
    "voxel_kernels.finish": f"(int64[::1], int64[::1], int64[:,::1], float64[::1], float64, {V3}, {P3}, int32[::1], "
    "uint8[:,::1])",
    "voxel_kernels.finish_confidence": "(int64[::1], int64[:,::1], float32[::1])",
    "voxel_kernels.finish_normal": f"(int64[::1], int64[:,::1], {P3})",
    "voxel_kernels.finish_extent": f"(int64[::1], {P3}, {P3}, {P3})",
    "voxel_kernels.finish_views": f"(int64[::1], {V3}, int32[::1])",
    "components._fill": f"({V3}, int32[::1])",
    "components._link": f"({V3}, int32[::1], int32[::1], int64[:,::1], int32[::1], boolean)",
    "dbscan._find_cores": f"({P3}, int64[::1], float64, int64, int32[::1])",
    "dbscan._join": f"({P3}, int64[::1], float64, int32[::1], int32[::1])",
    "dbscan._adopt": f"({P3}, int64[::1], float64, int32[::1], int32[::1], int32[::1])",
    "planes._try": f"({P3D}, float64, float64[::1], boolean, float64, int64, {P3D}, int64[::1])",
    "planes._moments": f"({P3}, int32[::1], float64[::1], float64, {P3D})",
    "planes._claim": f"({P3}, int32[::1], float64[::1], float64, int64)",
    "normals._normals": f"({P3}, int64[::1], float64, float64[::1], {P3})",
    "boxes._extremes": f"({P3}, int32[::1], float64[::1], float64[::1], {P3D}, {P3D})",
    "boxes._owners": f"({P3}, int32[::1], float64[::1], float64[::1], {P3D}, {V3})",
    "boxes._outside": f"({P3}, int32[::1], {V3}, uint8[::1])",
    "bev._splat": f"({P3}, uint8[:,::1], boolean, float64[::1], float64, {V3}, {P3}, int64[:,:,::1])",
    "masks._pairs": "(int32[::1], int32[::1], int64[::1])",
    "nearest._search": f"({P3}, {P3D}, int32[::1], {P3D}, {P3D}, float64[::1], int32[::1])",
    "rays._carve": f"({V3}, float64[::1], {P3D})",
    "visibility._draw": f"({P3}, int32[::1], float64, float64, float64, float64, float64, boolean, {P3}, {V3})",
    "visibility._agree": f"({P3}, {P3}, float64, float64, float64, float64, {P3D}, float64, int32[::1], int32[::1])",
    "refine._slopes": f"({P3D}, float64[:,:,::1])",
    "refine._refine": f"({P3}, float32[:,:,::1], float64[:,:,::1], {P3D}, {P3D}, float64[:,:,::1], float64, int64, "
    f"int64, float64, float64, {P3}, {P3})",
    "stereo._warp": f"(float32[:,:,::1], float64[:,:,::1], {P3D}, float64[::1], int64, int64, {P3})",
    "stereo._ncc": f"({P3}, {P3}, int64, boolean, {P3}, {P3})",
    "stereo._score": f"({P3}, {P3}, int64, float32[:,:,::1])",
    "stereo._pick": f"(float32[:,:,::1], float64[::1], {P3}, {P3})",
    "stereo._consistent": "(float32[:,::1], float32[:,:,::1], float64[:,::1], float64[:,:,::1], float64[:,:,::1], "
    "float64[:,:,::1], float64, float64, float32[:,::1], uint8[:,::1])",
}


def kernels() -> dict[str, object]:
    """All kernels of the column by module and name."""
    from cogmap_kernels import cuda as column

    out = {}
    for module in pkgutil.iter_modules(column.__path__):
        loaded = importlib.import_module(f"cogmap_kernels.cuda.{module.name}")
        for name, thing in vars(loaded).items():
            is_kernel = hasattr(thing, "py_func") and not thing.targetoptions.get("device", False)
            if is_kernel and thing.py_func.__module__ == loaded.__name__:
                out[f"{module.name}.{name}"] = thing
    return out


def test_the_list_is_whole() -> None:
    assert set(kernels()) == set(SIGNATURES)


@pytest.mark.parametrize("arch", [(7, 5), (8, 0), (9, 0)])
@pytest.mark.parametrize("name", sorted(SIGNATURES))
def test_every_kernel_compiles(
    name: str, arch: tuple[int, int], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from numba import cuda
    from numba.core import sigutils

    # device functions ask the current card for its architecture; without a card a stand-in answers
    monkeypatch.setattr("numba.cuda.dispatcher.get_current_device", lambda: SimpleNamespace(compute_capability=arch))
    arguments, _ = sigutils.normalize_signature(SIGNATURES[name])
    ptx, _ = cuda.compile_ptx(kernels()[name].py_func, arguments, cc=arch)
    assert ".entry" in ptx
    assert name not in EXACT or "fma." not in ptx, "a fused multiply-add where integers are decided"
    if name == "stereo._warp":
        assert "fma." in ptx, "the check would see one"
    if shutil.which("ptxas"):
        assert _spilled_bytes(ptx, arch, tmp_path) == 0


def _spilled_bytes(ptx: str, arch: tuple[int, int], folder: Path) -> int:
    """What the assembler spills; it may be older than the compiler, whose text it reads all the same."""
    (folder / "k.ptx").write_text(re.sub(r"(?m)^\.version .*$", ".version 9.0", ptx))
    command = ["ptxas", f"-arch=sm_{arch[0]}{arch[1]}", "-v", str(folder / "k.ptx"), "-o", str(folder / "k.cubin")]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    return sum(int(n) for n in re.findall(r"(\d+) bytes spill", said))
