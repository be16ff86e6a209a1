"""C source into a shared library of this machine's own instructions, kept in the user's cache.

The file's name is the hash of all that shapes it: source, sizes, compiler, processor. It is written beside its place
and renamed, so that processes that build at once never see half a library.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from physical_ai_core.errors import PhysicalAIError

COMPILERS: Final = ("gcc", "cc", "clang")
SHARED: Final = ("-shared", "-fPIC", "-std=gnu11")
# No -ffast-math: rounding tricks and NaN must hold. The second set is for compilers that do not know the processor.
FLAGS: Final = (("-O3", "-march=native"), ("-O3", "-mcpu=native"), ("-O3",))
BUILD_LIMIT_S: Final = 120.0


class BuildError(PhysicalAIError):
    """There is no library; the cause says why. Something else has to do the work."""


def shared_library(source: Path, defines: Mapping[str, str], folder: Path | None = None) -> tuple[Path, str]:
    """(library, which compiler made it) of a C file with these macros; builds it where the cache lacks it.

    Raises BuildError: no compiler, it failed, or the cache cannot be written or is another user's.
    """
    macros = [f"-D{name}={value}" for name, value in defines.items()]
    return library_of(source.read_text(encoding="utf-8"), source.stem, macros, folder)


def library_of(text: str, name: str, options: Sequence[str] = (), folder: Path | None = None) -> tuple[Path, str]:
    """The same for the text of a C file, with these further compiler options. Raises BuildError."""
    compiler = find_compiler()
    version = _output([compiler, "--version"]).splitlines()[0]
    key = [text.encode().hex(), *options, *SHARED, *map(str, FLAGS), compiler, version, processor()]
    digest = hashlib.sha256("\n".join(key).encode()).hexdigest()
    folder = private_folder(folder)
    library = folder / f"{name}-{digest[:24]}.so"
    if not library.exists():
        _compile(compiler, text, options, library)
    return library, version


def loaded(path: Path) -> ctypes.PyDLL:
    """The library, called with the interpreter's lock held: its calls are shorter than waiting to get the lock back.

    Raises BuildError; a damaged file is removed, so that it is built anew.
    """
    try:
        return ctypes.PyDLL(str(path))
    except OSError as error:
        path.unlink(missing_ok=True)
        raise BuildError(f"The library {path} cannot be loaded: {error}.", "Start again, it is built anew.") from error


def find_compiler() -> str:
    """Path of a C compiler. Raises BuildError."""
    for name in COMPILERS:
        path = shutil.which(name)
        if path:
            return path
    raise BuildError("There is no C compiler (gcc, cc or clang).", "Install one: apt install gcc libc6-dev.")


def processor() -> str:
    """What decides which instructions are native here."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines() if cpuinfo.exists() else []
    wanted = ("flags", "Features", "model name", "CPU part", "CPU implementer", "isa")
    return "\n".join([platform.machine(), *sorted({line for line in lines if line.startswith(wanted)})])


def cache_folder() -> Path:
    """Where built libraries lie: under PHYSICAL_AI_CACHE, else the user's cache."""
    given = os.environ.get("PHYSICAL_AI_CACHE")
    if given:
        return Path(given) / "native"
    from platformdirs import user_cache_dir

    return Path(user_cache_dir("physical_ai")) / "native"


def private_folder(folder: Path | None = None) -> Path:
    """The folder, by default the cache's, is there, and nobody else can put code into it. Raises BuildError."""
    folder = folder or cache_folder()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        about = folder.stat()
    except OSError as error:
        raise BuildError(f"The cache {folder} cannot be used: {error.strerror}.", "Set PHYSICAL_AI_CACHE.") from error
    if about.st_uid != os.getuid() or about.st_mode & 0o022:
        raise BuildError(f"Others may write into the cache {folder}.", f"chmod 700 {folder}, or set PHYSICAL_AI_CACHE.")
    return folder


def _compile(compiler: str, text: str, options: Sequence[str], library: Path) -> None:
    error: BuildError | None = None
    try:
        handle, name = tempfile.mkstemp(dir=library.parent, prefix=library.stem, suffix=".part")
        os.close(handle)
    except OSError as problem:
        raise BuildError(
            f"The cache {library.parent} cannot be written: {problem.strerror}.", "Set PHYSICAL_AI_CACHE."
        ) from problem
    part = Path(name)
    try:
        for flags in FLAGS:
            try:
                _output([compiler, *flags, *SHARED, *options, "-x", "c", "-", "-o", name, "-lm"], text)
            except BuildError as found:
                error = error or found
                continue
            with part.open("rb") as file:
                os.fsync(file.fileno())
            os.replace(part, library)
            return
    except OSError as problem:
        raise BuildError(f"The library {library} cannot be kept: {problem}.", "Set PHYSICAL_AI_CACHE.") from problem
    finally:
        part.unlink(missing_ok=True)
    assert error is not None
    raise error


def _output(command: list[str], text: str = "") -> str:
    """What the compiler says of this source. Raises BuildError with the first line of its complaint."""
    name = Path(command[0]).name
    try:
        done = subprocess.run(
            command, input=text, capture_output=True, text=True, errors="replace", timeout=BUILD_LIMIT_S
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BuildError(f"The C compiler {name} cannot run: {error}.", "Repair it or install gcc.") from error
    if done.returncode != 0:
        lines = [line for line in done.stderr.splitlines() if "error" in line] or done.stderr.splitlines() or ["silent"]
        raise BuildError(f"The C compiler {name} failed: {lines[0].strip()}.", "Repair it or install gcc.")
    return done.stdout
