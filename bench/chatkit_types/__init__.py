"""The types of OpenAI's ChatKit front end, and the compiler that checks against them.

`python -m bench.chatkit_types` installs both by npm, as they are locked here, into
`.chatkit-types/`. Tests take them from there and never reach for the network.
"""

import shutil
import subprocess
from pathlib import Path

from bench.npm import ROOT, Locked

COMPILER = "node_modules/typescript/bin/tsc"
LOCKED = Locked(
    title="the types of ChatKit",
    manifest=Path(__file__).parent,
    folder=ROOT / ".chatkit-types",
    proof=COMPILER,
)
# Those of a page that embeds ChatKit, whose types name elements and streams.
# Declarations of others are taken as they are.
OPTIONS = (
    *("--noEmit", "--strict", "--skipLibCheck", "--pretty", "false"),
    *("--target", "es2022", "--lib", "es2022,dom,dom.iterable"),
    *("--module", "esnext", "--moduleResolution", "bundler"),
)


def missing() -> str:
    """Say why nothing can be checked on this machine; an empty text if it can."""
    if LOCKED.is_installed():
        return ""
    return f"{LOCKED.title} are not installed: python -m bench.chatkit_types"


def complaints(folder: Path) -> list[str]:
    """Return what the compiler says against the modules in `folder`, a line for each.

    The folder becomes one in which ChatKit is installed.
    """
    packages = folder / "node_modules"
    if not packages.exists():
        packages.symlink_to(LOCKED.folder / "node_modules", target_is_directory=True)
    node = shutil.which("node")
    assert node, "a test that needs Node is not run without it"
    modules = sorted(path.name for path in folder.glob("*.ts"))
    compiled = subprocess.run(
        [node, str(LOCKED.folder / COMPILER), *OPTIONS, *modules],
        cwd=folder,
        check=False,
        capture_output=True,
        text=True,
    )
    said = (compiled.stdout + compiled.stderr).splitlines()
    assert compiled.returncode == 0 or said, "a compiler that fails says why"
    return said if compiled.returncode else []
