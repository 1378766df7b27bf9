#!/usr/bin/env python3
"""Makes a large, real Nix closure in a private store root, out of pinned Python wheels.

usage: make.py small|medium|large WHEELS ROOT RELEASE [PACKAGE=N...] [--older]

WHEELS  folder for downloaded wheels, kept between runs
ROOT    private store root to make (logical /nix/store at ROOT/nix/store)
RELEASE a word that goes into every path's hash: another release is a mass rebuild, in which every path has a new
        name and nearly the same bytes
PACKAGE=N  rebuilds one package, and what needs it
--older takes of every second package the release before the pinned one, where there is one for this Python

Each wheel becomes one store path. Its shared libraries carry the store paths of what it needs on their RPATH, as they
would in nixpkgs, so names change inside files too. Paths are named as Nix names them (160 bits, nix32) and given to
Nix's database with their references; `nix-store --verify --check-contents` accepts the result. Prints the store path
that refers to all the others. Needs pip, patchelf and nix-store on the search path.
"""
import email
import hashlib
import os
import re
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

SIZES = ["small", "medium", "large"]
PYTHON = "3.14"
GLIBC = ["2_34", "2_28", "2_27", "2_24", "2_17", "2_12", "2_5"]
STORE = "/nix/store"
NIX32 = "0123456789abcdfghijklmnpqrsvwxyz"


def wanted(size):
    lines = (Path(__file__).parent / "wheels.txt").read_text().splitlines()
    pairs = [line.split() for line in lines if not line.startswith("#")]
    return [pin for of, pin in pairs if SIZES.index(of) <= SIZES.index(size)]


def download(pins, folder):
    """Fetches what is not there yet; the same wheels on every machine, whatever its Python."""
    folder.mkdir(parents=True, exist_ok=True)
    done = folder / ("complete-" + hashlib.sha256("\n".join(pins).encode()).hexdigest()[:16])
    if not done.exists():
        pip(pins, folder).check_returncode()
        done.touch()


def pip(pins, folder):
    tags = ["any", "manylinux2014_x86_64", "manylinux2010_x86_64", "manylinux1_x86_64"]
    tags += [f"manylinux_{glibc}_x86_64" for glibc in GLIBC]
    return subprocess.run(
        [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--python-version", PYTHON]
        + [word for tag in tags for word in ("--platform", tag)] + ["--dest", str(folder)] + pins,
        stdout=sys.stderr)


def older(pins, folder):
    """Of every second pin the newest release before it; those without one stay."""
    def before(pin):
        name, version = pin.split("==")
        done = folder / f"older-{name}-{version}"
        if not done.exists():
            fetched = folder / f"fetched-{name}"
            tried = pip([f"{name}<{version}"], fetched)
            found = [file.name for file in fetched.glob("*.whl")] if tried.returncode == 0 else []
            for file in found:
                (fetched / file).rename(folder / file)
            done.write_text(Wheel(folder / found[0]).version if found else version)
        return f"{name}=={done.read_text()}"

    return [before(pin) if at % 2 else pin for at, pin in enumerate(pins)]


def canonical(name):
    return re.sub(r"[-_.]+", "-", name).lower()


class Wheel:
    """A wheel file, the store path it becomes, and the wheels it needs."""

    def __init__(self, file):
        self.file = file
        with zipfile.ZipFile(file) as archive:
            metadata = next(name for name in archive.namelist() if re.fullmatch(r"[^/]+\.dist-info/METADATA", name))
            fields = email.message_from_bytes(archive.read(metadata))
        self.name, self.version = canonical(fields["Name"]), fields["Version"]
        required = [text for text in fields.get_all("Requires-Dist", []) if "extra" not in text.partition(";")[2]]
        self.requires = {canonical(re.match(r"[\w.-]+", text)[0]) for text in required}
        self.needs, self.path = [], None


def in_order(wheels):
    """Each after what it needs. Wheels may need each other in a circle, store paths may not: the closing arrow goes."""
    named, order, entered = {wheel.name: wheel for wheel in wheels}, [], set()

    def visit(wheel):
        entered.add(wheel.name)
        for name in sorted(wheel.requires & named.keys()):
            if name not in entered:
                visit(named[name])
            if named[name] in order:
                wheel.needs.append(named[name])
        order.append(wheel)

    for wheel in wheels:
        if wheel.name not in entered:
            visit(wheel)
    return order


def store_path(name, *inputs):
    """A path whose hash depends on its inputs as a derivation's does: SHA-256 folded to 160 bits, in Nix's base 32."""
    digest = hashlib.sha256("\0".join((name,) + inputs).encode()).digest()
    folded = bytearray(20)
    for index, byte in enumerate(digest):
        folded[index % 20] ^= byte
    number = int.from_bytes(folded, "little")
    letters = "".join(NIX32[number >> shift & 31] for shift in range(155, -1, -5))
    return f"{STORE}/{letters}-{name}"


def unpack(wheel, root, needs):
    site = root / wheel.path[1:] / "lib" / f"python{PYTHON}" / "site-packages"
    site.mkdir(parents=True)
    with zipfile.ZipFile(wheel.file) as archive:
        archive.extractall(site)
        executable = [entry.filename for entry in archive.infolist() if entry.external_attr >> 16 & 0o111 and not entry.is_dir()]
    for name in executable:
        (site / name).chmod(0o755)
    rpath = ":".join(["$ORIGIN"] + [f"{need}/lib/python{PYTHON}/site-packages" for need in needs])
    for library in site.rglob("*.so*"):
        if library.read_bytes()[:4] == b"\x7fELF":
            # A few prebuilt libraries are beyond patchelf; they stay as they came.
            subprocess.run(["patchelf", "--set-rpath", rpath, library], stderr=subprocess.DEVNULL)


def seal(folder):
    """Modes and times as Nix has them."""
    for parent, folders, files in os.walk(folder, topdown=False):
        for name in files:
            file = Path(parent, name)
            if not file.is_symlink():
                file.chmod(0o555 if file.stat().st_mode & 0o100 else 0o444)
            os.utime(file, (1, 1), follow_symlinks=False)
        os.chmod(parent, 0o555)
        os.utime(parent, (1, 1))


def registration(root, path, references):
    """What `nix-store --load-db` reads of one path."""
    dump = subprocess.Popen(["nix-store", "--dump", root / path[1:]], stdout=subprocess.PIPE)
    digest, size = hashlib.sha256(), 0
    while piece := dump.stdout.read(1 << 20):
        digest.update(piece)
        size += len(piece)
    if dump.wait() != 0:
        raise RuntimeError(f"nix-store could not dump {path}")
    return "\n".join([path, digest.hexdigest(), str(size), "", str(len(references)), *references, ""])


def main():
    size, folder, root, release = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4]
    rebuilt = dict(word.split("=") for word in sys.argv[5:] if word != "--older")
    pins = wanted(size)
    download(pins, folder)
    if "--older" in sys.argv:
        pins = older(pins, folder)
    versions = dict(pin.split("==") for pin in pins)
    wheels = [Wheel(file) for file in sorted(folder.glob("*.whl"))]
    wheels = in_order([wheel for wheel in wheels if versions.get(wheel.name) == wheel.version])
    if len(wheels) != len(pins):
        raise RuntimeError(f"{len(pins)} wheels are pinned, {len(wheels)} are there")

    base = store_path(f"stdenv-{release}", release)
    references = {base: []}
    for wheel in wheels:
        needs = [base] + [need.path for need in wheel.needs]
        again = [rebuilt[wheel.name]] if wheel.name in rebuilt else []
        wheel.path = store_path(f"python{PYTHON}-{wheel.name}-{wheel.version}", *needs, *again)
        references[wheel.path] = needs
    top = store_path("environment", *references)
    references[top] = list(references)

    def make(path, wheel=None):
        support = root / path[1:] / "nix-support"
        support.mkdir(parents=True)
        (support / "propagated-build-inputs").write_text("\n".join(references[path]) + "\n")
        if wheel:
            unpack(wheel, root, references[path])
        seal(root / path[1:])
        return registration(root, path, sorted(references[path]))

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        tasks = [pool.submit(make, wheel.path, wheel) for wheel in wheels]
        tasks += [pool.submit(make, path) for path in (base, top)]
        records = "".join(task.result() for task in tasks)
    subprocess.run(["nix-store", "--store", root, "--load-db"], input=records, text=True, check=True)
    print(top)


main()
