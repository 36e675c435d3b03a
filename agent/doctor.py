"""What this machine has and lacks, each with the command that mends it."""

from __future__ import annotations

import ctypes.util
import importlib
import importlib.metadata
import os
import platform
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

# Shared libraries that Open3D's wheel expects of the system, with the Debian package that has each.
SYSTEM_LIBRARIES = {
    "usb-1.0": "libusb-1.0-0",
    "GL": "libgl1",
    "EGL": "libegl1",
    "gomp": "libgomp1",
}
MODULES = {
    "torch": "torch",
    "numpy": "numpy",
    "open3d": "open3d-cpu",
    "pybullet": "pybullet",
    "pinocchio": "pin",
    "coal": "pin",
    "ompl": "ompl",
    "ruckig": "ruckig",
    "av": "av",
    "networkx": "networkx",
    "pydantic": "pydantic",
    "rich": "rich",
}


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the doctor: `mend` is empty when all is well; `is_needed` false for extras."""

    name: str
    ok: bool
    found: str
    mend: str = ""
    is_needed: bool = True


def examine() -> list[Check]:
    """Every check, cheap ones first."""
    return [_python(), *_system_libraries(), *_modules(), _accelerator(), _encoder(), _rerun(), _compiler(), _runs()]


def _python() -> Check:
    version = platform.python_version()
    ok = sys.version_info >= (3, 11)
    return Check("python", ok, version, "" if ok else "install Python 3.11: apt-get install python3.11 python3.11-venv")


def _system_libraries() -> list[Check]:
    missing = [package for name, package in SYSTEM_LIBRARIES.items() if ctypes.util.find_library(name) is None]
    root = "" if os.geteuid() == 0 else "sudo "
    command = f"{root}apt-get install -y {' '.join(missing)}"
    return [
        Check(f"lib{name}", package not in missing, "present" if package not in missing else "absent",
              command if package in missing else "")
        for name, package in SYSTEM_LIBRARIES.items()
    ]  # fmt: skip


def _modules() -> list[Check]:
    checks = []
    for module, package in MODULES.items():
        try:
            # PyBullet's own module prints a banner amid the list; ours imports it without.
            importlib.import_module({"pybullet": "..sim.bullet"}.get(module, module), __package__)
            checks.append(Check(module, True, _version(package)))
        except Exception as error:  # whatever an import raises, the doctor says it and goes on
            command = f"{sys.executable} -m pip install -c constraints.txt {package}"
            checks.append(Check(module, False, f"{type(error).__name__}: {error}", command))
    return checks


def _accelerator() -> Check:
    try:
        import torch

        found = torch.cuda.get_device_name(0) if torch.cuda.is_available() else "none; the CPU is used"
    except Exception:  # said by the modules' own check
        found = "torch is missing"
    return Check("cuda", True, found, is_needed=False)


def _encoder() -> Check:
    try:
        import av

        for name in ("libx264", "libopenh264", "h264"):
            if name in av.codecs_available:
                av.Codec(name, "w")
                return Check("h264 encoder", True, name)
    except Exception as error:  # an encoder that is listed but cannot be opened
        return Check("h264 encoder", False, f"{type(error).__name__}: {error}", "use --no-video, or reinstall av")
    return Check("h264 encoder", False, "absent", f"{sys.executable} -m pip install --force-reinstall av")


def _rerun() -> Check:
    version = _version("rerun-sdk")
    ok = version != "absent"
    mend = "" if ok else f"{sys.executable} -m pip install 'verbot[rerun]'   (only for --rerun)"
    return Check("rerun", ok, version, mend, is_needed=False)


def _compiler() -> Check:
    found = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    return Check("compiler", True, found or "absent; nothing here needs one", is_needed=False)


def _runs() -> Check:
    here = Path.cwd()
    ok = os.access(here, os.W_OK)
    return Check("runs/", ok, f"{here / 'runs'}", "" if ok else "cd to a directory that can be written, or use --out")


def _version(package: str) -> str:
    for name in (package, package.removesuffix("-cpu")):
        try:
            return importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return "absent"
