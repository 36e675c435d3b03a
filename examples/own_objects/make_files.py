"""Write the files of this example again: `python make_files.py`. Needs numpy and Pillow.

duck.obj, duck.mtl   two balls and a beak, each with its material, y up and in millimetres as modelling programs write
tin.obj, tin.mtl     a tin with a printed label …
label.png            … the picture on it
"""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

HERE = Path(__file__).parent


def ball(center: tuple[float, float, float], radii: tuple[float, float, float], rings: int = 10) -> tuple[list, list]:
    """Corners and faces (from 1) of a closed ball."""
    corners, faces, around = [], [], 2 * rings
    for ring in range(1, rings):
        polar = np.pi * ring / rings
        for k in range(around):
            turn = 2 * np.pi * k / around
            corners.append((np.sin(polar) * np.cos(turn), np.cos(polar), -np.sin(polar) * np.sin(turn)))
    corners += [(0.0, 1.0, 0.0), (0.0, -1.0, 0.0)]
    top, bottom = len(corners) - 1, len(corners)
    for k in range(around):
        after = (k + 1) % around
        faces.append((top, k + 1, after + 1))
        for ring in range(rings - 2):
            first, second = ring * around, (ring + 1) * around
            faces.append((first + k + 1, second + k + 1, second + after + 1, first + after + 1))
        last = (rings - 2) * around
        faces.append((bottom, last + after + 1, last + k + 1))
    return [tuple(np.array(c) * radii + np.array(center)) for c in corners], faces


def write_duck() -> None:
    """Flat below, so that it stands, and flat at the sides, where a gripper takes it."""
    parts = {
        "body": ("yellow", *ball((0, 20, 0), (32, 20, 22))),
        "head": ("yellow", *ball((14, 36, 0), (17, 15, 18))),
        "beak": ("orange", *ball((32, 37, 0), (7, 3.5, 6), rings=6)),
    }
    lines, count = ["mtllib duck.mtl"], 0
    for name, (material, corners, faces) in parts.items():
        flat = [(x, max(y, 3.0) - 3.0, min(max(z, -16.0), 16.0)) for x, y, z in corners]
        lines += [f"o {name}", f"usemtl {material}"]
        lines += [f"v {x:.2f} {y:.2f} {z:.2f}" for x, y, z in flat]
        lines += ["f " + " ".join(str(i + count) for i in face) for face in faces]
        count += len(corners)
    (HERE / "duck.obj").write_text("\n".join(lines) + "\n")
    (HERE / "duck.mtl").write_text("newmtl yellow\nKd 0.95 0.83 0.14\n\nnewmtl orange\nKd 0.95 0.45 0.08\n")


def write_tin(radius: float = 0.026, height: float = 0.07, segments: int = 24) -> None:
    """In metres, z up; the label goes once around."""
    turns = 2 * np.pi * np.arange(segments) / segments
    rim = [(radius * np.cos(t), radius * np.sin(t)) for t in turns]
    lines = ["mtllib tin.mtl", "o tin"]
    lines += [f"v {x:.5f} {y:.5f} {z:.5f}" for z in (-height / 2, height / 2) for x, y in rim]
    lines += [f"vt {k / segments:.4f} {v}" for v in (0, 1) for k in range(segments + 1)]
    lines.append("usemtl label")
    for k in range(segments):
        low, next_low, up = k + 1, (k + 1) % segments + 1, segments
        above = segments + 1
        lines.append(f"f {low}/{k + 1} {next_low}/{k + 2} {next_low + up}/{k + 2 + above} {low + up}/{k + 1 + above}")
    lines.append("usemtl metal")
    lines.append("f " + " ".join(str(segments + k + 1) for k in range(segments)))
    lines.append("f " + " ".join(str(k + 1) for k in reversed(range(segments))))
    (HERE / "tin.obj").write_text("\n".join(lines) + "\n")
    (HERE / "tin.mtl").write_text("newmtl label\nmap_Kd label.png\n\nnewmtl metal\nKd 0.15 0.30 0.78\n")


def write_label() -> None:
    """Blue with a zigzag and two stripes in other blues: the fused perceiver takes another hue for another object."""
    image = Image.new("RGB", (256, 128), (30, 70, 205))
    canvas = ImageDraw.Draw(image)
    for k in range(8):
        canvas.polygon([(32 * k, 76), (32 * k + 16, 44), (32 * k + 32, 76)], fill=(70, 120, 235))
    for top in (8, 108):
        canvas.rectangle((0, top, 255, top + 10), fill=(18, 36, 130))
    image.save(HERE / "label.png", optimize=True)


if __name__ == "__main__":
    write_duck()
    write_tin()
    write_label()
