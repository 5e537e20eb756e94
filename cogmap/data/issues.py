"""What a map has to say against itself: issues, and the one table of their codes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..errors import InputError

Severity = Literal["note", "degraded"]


@dataclass(frozen=True)
class Code:
    """What a code stands for.

    Attributes:
        severity: "degraded" where numbers of the map may be wrong or are missing, "note" where they are right.
        meaning: one sentence. remedy: what the user can do. option: the option that does it, or None.
    """

    severity: Severity
    meaning: str
    remedy: str
    option: str | None = None


CODES: dict[str, Code] = {
    # the source
    "W-APPLIED-TRANSFORM": Code("note", "The file's world was turned or scaled by the tool that wrote it; it is kept.",
                                "Nothing, unless you need the frame before that transform."),
    "W-CAMERA-CONVERTED": Code("note", "Camera axes or the direction of poses were turned into cogmap's.",
                               "Nothing; say the convention to be sure.", "--convention"),
    "W-COLMAP-MODELS": Code("note", "A COLMAP project holds several models; the one with most pictures was taken.",
                            "Give the folder of another model to build that one."),
    "W-DEPTH-MISSING": Code("note", "Some frames have no depth; they were left out.", "Export their depth."),
    "W-DEPTH-SCALED": Code("degraded", "Depth was multiplied by the factor at which it fits the poses, found to 0.3 %.",
                           "Say the unit of the depth: then nothing is guessed.", "--depth-unit"),
    "W-DEPTH-DISAGREES": Code("degraded", "Depth and poses fit best at another factor; neither was changed.",
                              "Say the unit of the depth.", "--depth-unit"),
    "W-FACES-SAMPLED": Code("note", "A mesh was turned into points, spread evenly over its faces.", "Nothing."),
    "W-FILES-SKIPPED": Code("note", "Files in the folder were not read.", "Convert them where they matter."),
    "W-FIELDS-UNKNOWN": Code("note", "Fields of the file mean nothing to cogmap and were passed over.",
                             "Check the names of the fields."),
    "W-COUNTS-DIFFER": Code("note", "Annotations count other than they box; counts are theirs.",
                            "None is needed."),  # fmt: skip
    "W-FRAME-KEPT": Code("note", "Boxes keep the frame of their file: whether its zero is the floor is not known.",
                         "Move them so that the floor is at 0."),
    "W-FRAMES-CAP": Code("degraded", "The cap on frames leaves too little overlap between them.",
                         "Raise the cap.", "--max-frames"),
    "W-FRAMES-INCOMPLETE": Code("note", "Frames lack a picture, a depth or a pose and were left out.",
                                "Export them whole."),
    "W-FRAMES-LOST": Code("degraded", "The place of some frames could not be found.", "Film more slowly there."),
    "W-IDS-SHIFTED": Code("note", "Instance ids count from 0; the thing of id 0 was kept.",
                          "Count from 1, or mark points of nothing with -1."),
    "W-IMAGE-PAGES": Code("note", "Only the first page or frame of a picture file is used.", "Split the file."),
    "W-IMAGE-PROFILE": Code("note", "A CMYK picture has no profile: its colours are approximate.", "Export it as RGB."),
    "W-IMAGE-RANGE": Code("note", "Grey values were spread: the pictures use fewer bits than their files have.",
                          "Nothing, or export them in 8 bits."),
    "W-IMAGE-UNTURNED": Code("note", "An EXIF turn was not applied: the cameras are of the stored pixels.", "Nothing."),
    "W-IMAGES-DROPPED": Code("degraded", "Pictures cannot be decoded.", "Copy or convert them."),
    "W-IMAGES-GAPS": Code("note", "Numbers are missing between the names of the pictures.", "Check the copy."),
    "W-IMAGES-SIZES": Code("note", "Pictures differ in size; each size has a camera of its own.", "Nothing."),
    "W-INTRINSICS-ASSUMED": Code("degraded", "The camera's focal length and centre are the sensor's nominal ones.",
                                 "Give the calibration.", "--intrinsics"),
    "W-INTRINSICS-DISAGREE": Code("degraded", "Focal length and centre do not fit the size of the pictures.",
                                  "Give the calibration of these pictures.", "--intrinsics"),
    "W-LENS-IGNORED": Code("degraded", "The lens has terms that cogmap does not take out.",
                           "Undistort the pictures first."),
    "W-ORIGIN-MOVED": Code("note", "The points lie far from their zero; the map has its own, `T_map_input` leads back.",
                           "Nothing."),
    "W-POINTS-DROPPED": Code("note", "Points that are not finite were left out.", "Export them again."),
    "W-POSES-DROPPED": Code("note", "Frames whose pose is lost, not finite or far from its neighbours were left out.",
                            "Export their poses again."),
    "W-POSES-DISAGREE": Code("degraded", "Depth maps of neighbouring frames do not fit one another.",
                             "Check poses, depth unit and intrinsics.", "--intrinsics"),
    "W-POSES-ROUNDED": Code("note", "Rotations were not quite rigid and were moved onto the nearest ones.", "Nothing."),
    "W-RGBD-UNREGISTERED": Code("note", "Colour and depth cameras differ; colours were moved onto the depth.",
                                "Nothing, or give registered colours."),
    "W-SCAN-ALIGNED": Code("note", "The scan was set upright with its floor at 0; `T_map_input` leads back.",
                           "Give --keep-frame to leave it as it is.", "--keep-frame"),
    "W-SCAN-DUPLICATES": Code("note", "Points that lie on one spot were counted once.", "Nothing."),
    "W-TIMES-UNIT": Code("note", "Time stamps are in another unit than seconds and were converted.", "Nothing."),
    "W-UNIT-GUESSED": Code("note", "Lengths were converted: only that unit makes a room of them.",
                           "Say the unit.", "--unit"),
    "W-UP-GUESSED": Code("note", "The axis that points up was found from floor and walls.", "Say it.", "--up"),
    "W-VIDEO-ANIMATION": Code("note", "An animation: few colours, low frame rate.", "Give the video behind it."),
    "W-VIDEO-DAMAGED": Code("degraded", "Parts of the video cannot be decoded.", "Copy it again."),
    "W-VIDEO-DURATION-UNVERIFIED": Code("note", "The container cannot prove how long the video is.", "Nothing."),
    "W-VIDEO-HDR": Code("note", "HDR colours were tone-mapped to sRGB.", "Nothing."),
    "W-VIDEO-PIXELS": Code("note", "Pixels are not square; pictures were stretched to how they are shown.", "Nothing."),
    "W-VIDEO-STREAMS": Code("note", "The file holds several video streams; the largest was taken.", "Nothing."),
    "W-VIDEO-TIMES": Code("note", "Frames with a repeated time were dropped.", "Nothing."),
    "W-VIDEO-TRUNCATED": Code("degraded", "The video was cut before its end.", "Copy it again."),
    "W-VIDEO-TURNED": Code("note", "Pictures were turned as the container asks.", "Nothing."),
    # reconstruction
    "W-MODEL-REJECTED": Code("note", "Learned depth of some frames did not fit the cameras.", "Nothing."),
    "W-MODEL-SCALE": Code("note", "Metres are those that the model sees.", "Give one known length.", "--scale"),
    "W-PARTS": Code("degraded", "The reconstruction fell apart; the map is its largest part.",
                    "Film the places in between."),
    "W-WINDOW-SMALLER": Code("note", "Memory ran out; the model saw fewer frames at once.", "Nothing.", "--window"),
    # the map
    "W-FLOOR-NOT-SEEN": Code("degraded", "No floor was seen; height 0 is the lowest surface.", "Film the floor too."),
    "W-GRAVITY-UNSURE": Code("degraded", "Floor and walls do not agree on which way is up.", "Say it.", "--up"),
    "W-GUESS-NO-SCALE": Code("note", "Without metres no size tells a label.", "Give one length.", "--scale"),
    "W-MASKS-ALONE": Code("note", "Masks of single frames are confirmed by no other.", "Nothing."),
    "W-MOVERS-HIDDEN": Code("note", "People and animals in view were left out.", "Ask for them.", "--objects"),
    "W-NAMES-REFUSED": Code("note", "Lines of the model named no object as asked.", "Nothing."),
    "W-PLANAR-SCENE": Code("degraded", "All points lie on one plane or line: there is no room to map.",
                           "Scan the room."),
    "W-SCALE-ASSUMED": Code("note", "Metres come from what is usual, with the error that is told.",
                            "Give one known length.", "--scale"),
    "W-SCALE-CEILING": Code("degraded", "The ceiling is at a height that ceilings do not have.",
                            "Give one known length.", "--scale"),
    "W-SCALE-DISAGREES": Code("degraded", "Two sources of metres differ by more than 15 %.",
                              "Give one known length.", "--scale"),
    "W-SCALE-UNKNOWN": Code("degraded", "Nothing told the metre: lengths are map units.",
                            "Give one known length.", "--scale"),
    "W-VOXELS-DROPPED": Code("note", "Points that most rays pass through were left out.", "Nothing."),
    # changed copies
    "W-EDITED": Code("note", "The map was changed by hand after it was built.", "Build it again."),
    "W-FILES-STALE": Code("note", "Files of the map folder differ from what was recorded.", "Save the map again."),
    "W-FRAMES-LEFT-OUT": Code("note", "A changed copy of the map has no frames.", "Nothing."),
}  # fmt: skip


@dataclass(frozen=True)
class Issue:
    """One loss or assumption of a map.

    Attributes:
        code: a key of CODES, or what a later version wrote. count: how often. place: the stage that raised it.
        effect: what it does to this map, in words. severity: that of its code where it is not given.
        measured, expected: the figures behind it, for programs. option: the option that mends it.
    """

    code: str
    count: int
    place: str
    effect: str
    severity: Severity | None = None
    measured: float | str | None = None
    expected: float | str | None = None
    option: str | None = None

    def __post_init__(self) -> None:
        known = CODES.get(self.code)
        if self.severity is None and known is None:
            raise InputError("E-ISSUE", f"there is no code {self.code!r}.", "Give its severity, or add it to CODES.")
        if known is not None:
            object.__setattr__(self, "severity", self.severity or known.severity)
            object.__setattr__(self, "option", self.option or known.option)


SMALL_SHARE = 0.1


def by_share(lost: int, of: int) -> Severity:
    """A note while at most a tenth is lost: the rest still shows the place; degraded beyond that."""
    return "note" if lost <= SMALL_SHARE * of else "degraded"


def table() -> str:
    """The page `docs/codes.md`."""
    lines = [
        "# Codes of issues",
        "",
        "Generated from `cogmap/data/issues.py` by `make codes`. A map is `degraded` when one of its issues",
        "is; `cogmap build --json` prints code, severity, count, what was measured and expected, and the option that",
        "mends it.",
        "",
        "| code | severity | meaning | what to do | option |",
        "|---|---|---|---|---|",
    ]
    for name, code in sorted(CODES.items()):
        option = f"`{code.option}`" if code.option else ""
        lines.append(f"| `{name}` | {code.severity} | {code.meaning} | {code.remedy} | {option} |")
    return "\n".join(lines) + "\n"
