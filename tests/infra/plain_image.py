"""The steps of `infra/Dockerfile` in a plain folder: what there is to an image where no container engine runs.

The folder stands for the image's root. RUN, COPY, ENV and WORKDIR are carried out in order, with `/opt/fit` moved under
the folder; what needs to be root of a whole system (users, `install --owner`) is left to the caller. Two differences on
purpose, both for speed: packages are linked instead of copied, and not compiled.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = ROOT / "infra" / "Dockerfile"
_SECONDS = 560
_FASTER = {"UV_COMPILE_BYTECODE": "0", "UV_LINK_MODE": "hardlink"}


@dataclass(frozen=True)
class Step:
    """An instruction of the Dockerfile."""

    name: str
    value: str


@dataclass
class Stage:
    """What comes after one FROM."""

    base: str
    steps: list[Step] = field(default_factory=list)

    def all(self, name: str) -> list[str]:
        """The values of one instruction."""
        return [step.value for step in self.steps if step.name == name]


def stages() -> list[Stage]:
    """The Dockerfile, stage by stage."""
    text = re.sub(r"\\\n\s*", " ", re.sub(r"^#.*\n", "", DOCKERFILE.read_text(), flags=re.MULTILINE))
    found: list[Stage] = []
    for line in filter(None, map(str.strip, text.splitlines())):
        name, _, value = line.partition(" ")
        if name == "FROM":
            found.append(Stage(value))
        else:
            found[-1].steps.append(Step(name, value))
    return found


def variables(stage: Stage) -> dict[str, str]:
    """What ENV sets."""
    return dict(re.findall(r"(\w+)=(\S+)", " ".join(stage.all("ENV"))))


def anybody_s_python() -> str | None:
    """A Python 3.11 or later that every user of this machine may run; a root's own one under /root is not."""
    for name in ("python3.11", "python3.12", "python3.13"):
        for folder in ("/usr/local/bin", "/usr/bin"):
            path = Path(folder) / name
            if path.exists() and not str(path.resolve()).startswith("/root"):
                return str(path)
    return None


def build(folder: Path, python: str) -> dict[str, str]:
    """Carry both stages out under the folder; the variables that the image would set."""
    first, last = stages()
    _carry_out(first, folder, {**variables(first), **_FASTER, "UV_PYTHON": python})
    for source, target in (copy.rsplit(" ", 1) for copy in last.all("COPY")):
        if "--from=build" not in source:
            place = folder / target.lstrip("/")
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / source.split()[-1], place)
            place.chmod(0o755)
    return {name: _moved(value, folder) for name, value in variables(last).items()}


def _carry_out(stage: Stage, folder: Path, environment: dict[str, str]) -> None:
    here = folder
    settings = {name: _moved(value, folder) for name, value in environment.items()}
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"  # uv, at the version of the lock
    for step in stage.steps:
        if step.name == "WORKDIR":
            here = Path(_moved(step.value, folder))
            here.mkdir(parents=True)
        elif step.name == "COPY":
            *sources, target = step.value.split()
            for source in sources:
                _copy(ROOT / source, here / target if target not in {".", "./"} else here / Path(source).name)
        elif step.name == "RUN":
            done = subprocess.run(
                ["/bin/sh", "-ec", _moved(step.value, folder)],
                cwd=here,
                env={"PATH": path, "HOME": os.environ["HOME"], **settings},
                capture_output=True,
                text=True,
                timeout=_SECONDS,
                check=False,
            )
            assert done.returncode == 0, f"RUN {step.value}\n{done.stdout[-2000:]}{done.stderr[-4000:]}"


def _copy(source: Path, target: Path) -> None:
    """As `docker build` would with the ignore file: times are kept, what was built here is left out."""
    if source.is_dir():
        ignored = shutil.ignore_patterns("__pycache__", "target", "logs", ".user.yml")
        shutil.copytree(source, target, ignore=ignored)
    else:
        shutil.copy2(source, target)


def _moved(text: str, folder: Path) -> str:
    return re.sub(r"(?<![\w.])/opt/fit", f"{folder}/opt/fit", text)
