"""Videos, whole and damaged: rows V01 to V11, V21 to V25 and V30 of the fault list."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

import cogmap
from cogmap.capture.sampling import survey
from cogmap.capture.sniff import open_source
from cogmap.data.capture import Capture
from cogmap.errors import CogmapError
from cogmap.geometry.camera import rotated_K

from .clips import audio, clip, cut, without_frames


def opened(path: Path) -> Capture:
    capture = open_source(path)
    assert isinstance(capture, Capture)
    return capture


def codes(capture: Capture) -> set[str]:
    return {n.code for n in (*capture.report.notes, *capture.late_losses())}


def refused(path: Path, code: str, exit_code: int) -> CogmapError:
    with pytest.raises(CogmapError) as caught:
        cogmap.build(path)
    assert (caught.value.code, caught.value.exit_code) == (code, exit_code)
    assert path.name in str(caught.value) and caught.value.remedy
    return caught.value


def test_v01_empty_file(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"")
    assert "empty" in refused(tmp_path / "a.mp4", "E-SOURCE-EMPTY", 3).problem


def test_v02_cut_before_its_index(tmp_path: Path) -> None:
    assert "index" in refused(cut(clip(tmp_path / "a.mp4"), 0.6), "E-VIDEO-NO-INDEX", 3).problem


def test_v03_index_first_and_cut(tmp_path: Path) -> None:
    path = cut(clip(tmp_path / "a.mp4", noise=True, options={"movflags": "faststart"}), 0.6)
    capture = opened(path)
    seen = survey(capture)
    assert 5 <= len(seen.index) < 30
    assert {"W-VIDEO-TRUNCATED", "W-VIDEO-DAMAGED"} & codes(capture)


def test_v04_matroska_cut_without_an_error(tmp_path: Path) -> None:
    capture = opened(cut(clip(tmp_path / "a.mkv", noise=True), 0.6))
    lost = next(n for n in capture.report.notes if n.code == "W-VIDEO-TRUNCATED")
    assert "3.0 s" in lost.effect or "2.9 s" in lost.effect


def test_v05_transport_stream_cannot_prove_its_length(tmp_path: Path) -> None:
    assert "W-VIDEO-DURATION-UNVERIFIED" in codes(opened(cut(clip(tmp_path / "a.ts", noise=True), 0.6)))


def test_v06_tracks_without_frames(tmp_path: Path) -> None:
    refused(without_frames(clip(tmp_path / "a.mp4")), "E-VIDEO-NO-FRAMES", 3)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_v07_v08_too_few_frames(tmp_path: Path, n: int) -> None:
    refused(clip(tmp_path / "a.mp4", n), "E-TOO-FEW-FRAMES", 4)


def test_v09_times_are_presentation_times(tmp_path: Path) -> None:
    steps = np.random.default_rng(3).choice([16, 33, 100, 400], 29)
    stamps = [0, *np.cumsum(steps).tolist()]
    capture = opened(clip(tmp_path / "a.mkv", stamps_ms=stamps))
    assert [f.time_s for f in capture.frames(None)] == pytest.approx([s / 1000 for s in stamps], abs=2e-3)


def test_v10_late_start_and_repeats(tmp_path: Path) -> None:
    stamps = [500 + 100 * i for i in range(30)]
    path = clip(tmp_path / "a.mkv", stamps_ms=stamps)
    with av.open(str(path)) as source, av.open(str(tmp_path / "b.mkv"), "w") as out:
        stream = out.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.size:
                packet.dts = packet.pts - 200 if packet.dts is None else packet.dts
                packet.pts = packet.pts - 100 if packet.pts == 1500 else packet.pts
                packet.stream = stream
                out.mux(packet)
    capture = opened(tmp_path / "b.mkv")
    times = [f.time_s for f in capture.frames(None)]
    assert times[0] == 0 and times == sorted(set(times))
    assert any(n.code == "W-VIDEO-TIMES" and n.count == 1 for n in capture.report.notes)


def test_v10_backward_times_are_put_in_order(tmp_path: Path) -> None:
    path = tmp_path / "b.mkv"
    with av.open(str(clip(tmp_path / "a.mp4"))) as source, av.open(str(path), "w") as out:
        stream = out.add_stream_from_template(source.streams.video[0])
        packets = [p for p in source.demux(video=0) if p.size]
        stamps = [p.pts for p in packets]
        stamps[10], stamps[12] = stamps[12], stamps[10]
        for packet, stamp in zip(packets, stamps):
            packet.pts, packet.stream = stamp, stream
            out.mux(packet)
    frames = list(opened(path).frames(None))
    assert [f.index for f in frames] == list(range(len(packets)))
    assert all(b.time_s > a.time_s for a, b in zip(frames, frames[1:]))


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_v11_rotation_is_applied_once_to_pixels_and_intrinsics(tmp_path: Path, rotation: int) -> None:
    path = clip(tmp_path / "a.mp4", 6, rotation=rotation)
    capture = opened(path)
    rgb = next(capture.frames([0])).rgb.astype(int)
    with av.open(str(path)) as container:
        turns = round(next(container.decode(video=0)).rotation / 90) % 4
    assert turns == (rotation // 90) % 4 or turns == (-rotation // 90) % 4
    assert rgb.shape[:2] == ((96, 64) if turns % 2 else (64, 96))
    back = np.rot90(rgb, -turns)
    assert back[:, -8:, 0].mean() > back[:, :8, 0].mean() + 150
    assert back[-8:, :, 1].mean() > back[:8, :, 1].mean() + 150
    K = rotated_K(np.array([[50.0, 0, 40], [0, 60, 30], [0, 0, 1]]), turns, 96, 64)
    corner = {0: (40, 30), 1: (30, 56), 2: (56, 34), 3: (34, 40)}[turns]
    assert (K[0, 2], K[1, 2]) == corner


def test_v21_sound_without_pictures(tmp_path: Path) -> None:
    assert "audio" in refused(audio(tmp_path / "a.mp4"), "E-VIDEO-NO-STREAM", 3).problem


def test_v22_largest_moving_stream_is_taken(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.mkv"), "w") as out:
        streams = [out.add_stream("libx264", rate=10) for _ in range(2)]
        for stream, (w, h) in zip(streams, ((32, 32), (96, 64))):
            stream.width, stream.height, stream.pix_fmt = w, h, "yuv420p"
        for _ in range(8):
            for stream in streams:
                picture = np.full((stream.height, stream.width, 3), 90, np.uint8)
                out.mux(stream.encode(av.VideoFrame.from_ndarray(picture)))
        for stream in streams:
            out.mux(stream.encode())
    capture = opened(tmp_path / "a.mkv")
    assert next(capture.frames([0])).rgb.shape == (64, 96, 3)
    assert "W-VIDEO-STREAMS" in codes(capture)


def test_v23_picture_renamed(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    (tmp_path / "a.png").rename(tmp_path / "a.mp4")
    error = refused(tmp_path / "a.mp4", "E-SOURCE-UNKNOWN", 3)
    assert "PNG picture" in error.problem and "folder of frames" in error.remedy


@pytest.mark.parametrize("content", [b"hello\n" * 1000, np.random.default_rng(0).bytes(10_000)])
def test_v24_other_bytes_renamed(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.mp4").write_bytes(content)
    refused(tmp_path / "a.mp4", "E-SOURCE-UNKNOWN", 3)


def test_playlists_open_no_other_file(tmp_path: Path) -> None:
    clip(tmp_path / "secret.mp4")
    (tmp_path / "a.mp4").write_text("ffconcat version 1.0\nfile secret.mp4\n")
    refused(tmp_path / "a.mp4", "E-SOURCE-UNKNOWN", 3)


def test_v25_animation(tmp_path: Path) -> None:
    frames = [Image.new("P", (32, 24), k) for k in range(6)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:], duration=100)
    capture = opened(tmp_path / "a.gif")
    assert "W-VIDEO-ANIMATION" in codes(capture)
    assert next(capture.frames([0])).rgb.shape == (24, 32, 3)


def test_v30_damaged_packets_are_skipped_and_counted(tmp_path: Path) -> None:
    path = clip(tmp_path / "a.mp4", 40, noise=True)
    data = bytearray(path.read_bytes())
    rng = np.random.default_rng(1)
    for at in rng.integers(len(data) // 3, 2 * len(data) // 3, 200):
        data[at] ^= 0xFF
    path.write_bytes(bytes(data))
    capture = opened(path)
    seen = survey(capture)
    assert 8 <= len(seen.index) < 40
    lost = next(n for n in capture.late_losses() if n.code == "W-VIDEO-DAMAGED")
    assert lost.count > 0 and "left out" in lost.effect


def test_survey_and_frames_agree_on_times(tmp_path: Path) -> None:
    capture = opened(clip(tmp_path / "a.mp4"))
    seen = survey(capture)
    assert [f.index for f in capture.frames([3, 7, 29])] == [3, 7, 29]
    assert seen.time_s.tolist() == pytest.approx([k / 10 for k in range(30)])


def test_hdr_is_tone_mapped() -> None:
    from cogmap.capture.hdr import HLG, PQ, tone_mapped

    ramp = np.repeat(np.linspace(0, 65535, 64).astype(np.uint16)[None, :, None], 3, axis=2)
    for transfer in (PQ, HLG):
        out = tone_mapped(ramp, transfer)[0, :, 0].astype(int)
        assert (np.diff(out) >= 0).all() and out[0] == 0 and out[-1] > 240


def test_what_an_edit_list_cuts_off_is_not_part_of_the_video(tmp_path: Path) -> None:
    """A clip trimmed on a phone keeps its first second in the file; players and cogmap start after it."""
    options = {"use_editlist": "1", "avoid_negative_ts": "disabled"}
    path = clip(tmp_path / "a.mp4", 30, stamps_ms=[100 * i - 1000 for i in range(30)], options=options)
    assert b"elst" in path.read_bytes()
    frames = list(opened(path).frames(None))
    assert len(frames) == 20 and [(f.index, round(f.time_s, 6)) for f in frames[:2]] == [(0, 0.0), (1, 0.1)]
    assert abs(int(frames[0].rgb[..., 2].mean()) - 80) < 10  # blue grows with time: this is the eleventh
