"""The schema of Google's Terraform provider, read from a package that was generated from it.

`python -m tests.infra.terraform.google_schema WHEEL OUT` reads the wheel of cdktn-provider-google, whose JavaScript
says of every attribute whether it is required, optional or computed, what its type is, and what is nested in it. It
writes a JSON file of all resource types that `infra/terraform` uses. What the package does not say is not in it:
validators, conflicts between attributes, and which change replaces a resource.
"""

from __future__ import annotations

import io
import json
import re
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any

CONFIG = Path(__file__).resolve().parents[3] / "infra" / "terraform"
NEVER_USED = {
    "google_bigquery_dataset_access",
    "google_bigquery_dataset_iam_policy",
    "google_cloud_run_v2_service_iam_policy",
    "google_project_iam_binding",
    "google_service_account_key",
    "google_storage_bucket_acl",
    "google_storage_bucket_iam_policy",
}
"""Types that the tests plant as faults."""
PROVIDER_VERSION = re.compile(r"providerVersion: '([\d.]+)'")
_CLASS = re.compile(r"^class (\w+) extends cdktn\.\w+ \{$(.*?)^\}$", re.MULTILINE | re.DOTALL)
_MEMBER = re.compile(
    r"^    // (\w+) - computed: (true|false), optional: (true|false), required: (true|false)$"
    r"(.*?)(?=^    // \w+ - computed|\Z)",
    re.MULTILINE | re.DOTALL,
)
_NESTED = re.compile(r'new (\w+?)(OutputReference|List)\(this, "(\w+)"(?:, (true|false))?\)')
_HCL_ENTRY = re.compile(r"^ {8,12}(\w+): \{\n\s+value: .*\n\s+isBlock: (true|false),\n\s+type: \"(\w+)\"", re.MULTILINE)
_TYPES: list[tuple[str, Any]] = [
    (r"new cdktn\.StringMap\(|getStringMapAttribute", ["map", "string"]),
    (r"new cdktn\.BooleanMap\(|getBooleanMapAttribute", ["map", "bool"]),
    (r"new cdktn\.NumberMap\(|getNumberMapAttribute", ["map", "number"]),
    (r"new cdktn\.AnyMap\(|getAnyMapAttribute", ["map", "string"]),
    (r"Fn\.tolist\(this\.getListAttribute", ["set", "string"]),
    (r"Fn\.tolist\(.*getNumberListAttribute", ["set", "number"]),
    (r"getListAttribute", ["list", "string"]),
    (r"getNumberListAttribute", ["list", "number"]),
    (r"getStringAttribute", "string"),
    (r"getNumberAttribute", "number"),
    (r"getBooleanAttribute", "bool"),
    (r"interpolationForAttribute", ["list", "string"]),
]


def used_types(config: Path = CONFIG) -> set[str]:
    """`google_storage_bucket` of resources, `data.google_project` of data sources."""
    text = "\n".join(path.read_text() for path in sorted(config.glob("*.tf")))
    return set(re.findall(r'^resource "(google_\w+)"', text, re.MULTILINE)) | {
        f"data.{name}" for name in re.findall(r'^data "(google_\w+)"', text, re.MULTILINE)
    }


class _Module:
    """One resource type's JavaScript."""

    def __init__(self, text: str) -> None:
        self.classes = dict(_CLASS.findall(text))
        self.text = text

    def block(self, name: str, hcl: str) -> dict[str, Any]:
        """The block of a class; `hcl` is the text that says which of its members are written as blocks."""
        written_as = {member: (is_block == "true", kind) for member, is_block, kind in _HCL_ENTRY.findall(hcl)}
        attributes: dict[str, Any] = {}
        blocks: dict[str, Any] = {}
        for member, computed, optional, required, body in _MEMBER.findall(self.classes[name]):
            nested = _NESTED.search(body)
            flags = {"computed": computed == "true", "optional": optional == "true", "required": required == "true"}
            if nested is None:
                attributes[member] = {"type": _type(member, body), **flags}
                continue
            inner = self._nested(nested.group(1))
            is_list = nested.group(2) == "List"
            is_block, kind = written_as.get(member, (False, "list"))
            if nested.group(4) == "true":
                kind = "set"
            if is_block:
                blocks[member] = {
                    "nesting": {"struct": "single", "set": "set"}.get(kind, "list"),
                    "min_items": int(flags["required"]),
                    "max_items": 0 if is_list else 1,
                    "block": inner,
                }
            else:
                attributes[member] = {"type": ["set" if kind == "set" else "list", _object(inner)], **flags}
        return {"attributes": attributes, "blocks": blocks}

    def _nested(self, base: str) -> dict[str, Any]:
        function = re.search(
            rf"^function {base[0].lower()}{base[1:]}ToHclTerraform\(struct\) \{{$(.*?)^\}}$",
            self.text,
            re.MULTILINE | re.DOTALL,
        )
        return self.block(f"{base}OutputReference", function.group(1) if function else "")


def _type(member: str, body: str) -> Any:
    for pattern, found in _TYPES:
        if re.search(pattern, body):
            return found
    raise ValueError(f"the type of {member} is not to be seen in {body[:200]!r}")


def _object(block: dict[str, Any]) -> list[Any]:
    """A block as the type of a value."""
    members = {name: each["type"] for name, each in block["attributes"].items()}
    for name, each in block["blocks"].items():
        members[name] = ["set" if each["nesting"] == "set" else "list", _object(each["block"])]
    return ["object", members]


def read_schema(wheel: Path, types: set[str]) -> dict[str, Any]:
    """Blocks by type, and the provider's version."""
    with zipfile.ZipFile(wheel) as package:
        inner = next(name for name in package.namelist() if name.endswith(".jsii.tgz"))
        archive = io.BytesIO(package.read(inner))
    folders = {
        f"package/lib/{name.replace('data.', 'data_').removeprefix('google_').replace('_', '-')}/index.js": name
        for name in types
    }
    found: dict[str, Any] = {}
    version = ""
    with tarfile.open(fileobj=archive, mode="r:gz") as tar:
        for member in tar:
            type_name = folders.get(member.name)
            file = tar.extractfile(member) if type_name else None
            if type_name is None or file is None:
                continue
            text = file.read().decode()
            module = _Module(text)
            main = next(name for name, body in module.classes.items() if "static tfResourceType" in body)
            hcl = module.classes[main].partition("synthesizeHclAttributes")[2]
            found[type_name] = module.block(main, hcl)
            version = version or (PROVIDER_VERSION.search(text) or ["", ""])[1]
    if missing := sorted(types - set(found)):
        raise SystemExit(f"no such types in {wheel.name}: {', '.join(missing)}")
    return {"version": version, "types": found}


if __name__ == "__main__":
    schema = read_schema(Path(sys.argv[1]), used_types() | NEVER_USED)
    Path(sys.argv[2]).write_text(json.dumps(schema))
