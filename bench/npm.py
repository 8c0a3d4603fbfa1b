"""What comes by npm: installed as it is locked, into a folder of the checkout."""

import hashlib
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
MANIFEST = ("package.json", "package-lock.json")


class CannotInstall(Exception):
    """What comes by npm cannot be installed here; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Locked:
    """A manifest with its lock, and where it is installed.

    `proof` is a file that is there, below `folder`, when all went well.
    """

    title: str
    manifest: Path
    folder: Path
    proof: str

    def is_installed(self) -> bool:
        """Tell whether this very lock is what is installed."""
        stamp = self.folder / "installed"
        return stamp.exists() and stamp.read_text() == self._digest()

    def install(self) -> None:
        """Install what is locked, unless it is there.

        Raises:
            CannotInstall: there is no npm, or it failed.
        """
        if self.is_installed():
            return
        if shutil.which("npm") is None:
            raise CannotInstall("npm is missing. Install it: apt-get install npm")
        print(f"Installing {self.title}.", file=sys.stderr)
        self.folder.mkdir(exist_ok=True)
        for name in MANIFEST:
            shutil.copy(self.manifest / name, self.folder / name)
        npm = ["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"]
        done = subprocess.run(npm, cwd=self.folder, check=False)
        if done.returncode or not (self.folder / self.proof).exists():
            raise CannotInstall(f"npm could not install {self.title}.")
        (self.folder / "installed").write_text(self._digest())

    def _digest(self) -> str:
        locked = b"".join((self.manifest / name).read_bytes() for name in MANIFEST)
        return hashlib.sha256(locked).hexdigest()
