"""A stand-in for Google's Terraform provider: it knows the types, and nobody in the world.

Run by Terraform as a plugin, in the environment of `requirements.txt` beside it. It plans what the configuration says,
with unknown values for what only Google could tell; a service account's address follows from its name, as at Google.
"""

# ruff: noqa: N802 the methods are called what the protocol calls them
from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgpack
from tf import runner
from tf.gen import tfplugin_pb2 as pb
from tf.gen import tfplugin_pb2_grpc as rpc

UNKNOWN = msgpack.ExtType(0, b"\x00")
SCHEMA = json.loads(Path(os.environ["FIT_GOOGLE_SCHEMA"]).read_text())["types"]
_NESTING = {
    "list": pb.Schema.NestedBlock.LIST,
    "set": pb.Schema.NestedBlock.SET,
    "single": pb.Schema.NestedBlock.SINGLE,
}
_PROVIDER = {
    "attributes": {
        name: {"type": "string", "optional": True, "required": False, "computed": False}
        for name in ("project", "region", "zone", "billing_project")
    }
    | {"user_project_override": {"type": "bool", "optional": True, "required": False, "computed": False}},
    "blocks": {},
}


def _block(block: dict[str, Any]) -> pb.Schema.Block:
    return pb.Schema.Block(
        attributes=[
            pb.Schema.Attribute(
                name=name,
                type=json.dumps(each["type"]).encode(),
                required=each["required"],
                optional=each["optional"],
                computed=each["computed"],
            )
            for name, each in sorted(block["attributes"].items())
        ],
        block_types=[
            pb.Schema.NestedBlock(
                type_name=name,
                block=_block(each["block"]),
                nesting=_NESTING[each["nesting"]],
                min_items=each["min_items"] if each["nesting"] != "single" else 0,
                max_items=each["max_items"] if each["nesting"] != "single" else 0,
            )
            for name, each in sorted(block["blocks"].items())
        ],
    )


def _schema(block: dict[str, Any]) -> pb.Schema:
    return pb.Schema(version=0, block=_block(block))


def _pack(value: Any) -> pb.DynamicValue:
    return pb.DynamicValue(msgpack=msgpack.packb(value))


def _unpack(value: pb.DynamicValue) -> Any:
    return msgpack.unpackb(value.msgpack, strict_map_key=False) if value.msgpack else None


def _fill(block: dict[str, Any], value: dict[str, Any], filler: Any) -> dict[str, Any]:
    """The value with `filler(type)` for computed attributes that the configuration leaves open."""
    for name, each in block["attributes"].items():
        if each["computed"] and value.get(name) is None:
            value[name] = filler(each["type"])
    for name, each in block["blocks"].items():
        inner = value.get(name)
        items = [inner] if each["nesting"] == "single" else inner
        for item in items if isinstance(items, list) else []:
            if isinstance(item, dict):
                _fill(each["block"], item, filler)
    return value


def _unknown(_: Any) -> Any:
    return UNKNOWN


def _placeholder(type_: Any) -> Any:
    if isinstance(type_, list):
        return {} if type_[0] == "map" else []
    return {"string": "placeholder", "number": 123456789012, "bool": False}[type_]


def _told(type_name: str, value: dict[str, Any]) -> dict[str, Any]:
    """What follows from the configuration alone."""
    name, project = value.get("account_id"), value.get("project")
    if type_name == "google_service_account" and isinstance(name, str) and isinstance(project, str):
        value["email"] = f"{name}@{project}.iam.gserviceaccount.com"
        value["member"] = f"serviceAccount:{value['email']}"
    if type_name == "google_project_iam_custom_role" and isinstance(project, str):
        value["name"] = f"projects/{project}/roles/{value['role_id']}"
    return value


class Stub(rpc.ProviderServicer):
    """Protocol 6, as much of it as `validate` and `plan` ask for."""

    def __init__(self, _: object) -> None:
        """The runner hands over a provider of its own kind; there is none."""

    def GetProviderSchema(self, request: Any, context: Any) -> Any:
        """All types."""
        return pb.GetProviderSchema.Response(
            provider=_schema(_PROVIDER),
            resource_schemas={n: _schema(b) for n, b in SCHEMA.items() if not n.startswith("data.")},
            data_source_schemas={n[5:]: _schema(b) for n, b in SCHEMA.items() if n.startswith("data.")},
            server_capabilities=pb.ServerCapabilities(plan_destroy=True),
        )

    def ValidateProviderConfig(self, request: Any, context: Any) -> Any:
        """Nothing that Terraform has not looked at."""
        return pb.ValidateProviderConfig.Response()

    def ValidateResourceConfig(self, request: Any, context: Any) -> Any:
        """Likewise."""
        return pb.ValidateResourceConfig.Response()

    def ValidateDataResourceConfig(self, request: Any, context: Any) -> Any:
        """Likewise."""
        return pb.ValidateDataResourceConfig.Response()

    def ConfigureProvider(self, request: Any, context: Any) -> Any:
        """No credentials, no calls."""
        return pb.ConfigureProvider.Response()

    def ReadDataSource(self, request: Any, context: Any) -> Any:
        """Placeholders."""
        value = _fill(SCHEMA[f"data.{request.type_name}"], _unpack(request.config), _placeholder)
        return pb.ReadDataSource.Response(state=_pack(value))

    def PlanResourceChange(self, request: Any, context: Any) -> Any:
        """The configuration, and unknowns."""
        proposed = _unpack(request.proposed_new_state)
        if proposed is not None:
            proposed = _fill(SCHEMA[request.type_name], _told(request.type_name, proposed), _unknown)
        return pb.PlanResourceChange.Response(planned_state=_pack(proposed))

    def StopProvider(self, request: Any, context: Any) -> Any:
        """Nothing runs."""
        return pb.StopProvider.Response()


if __name__ == "__main__":
    import tf.provider

    os.environ["HOME"] = os.environ["FIT_STUB_HOME"]  # the runner keeps a throw-away certificate there
    tf.provider.ProviderServicer = Stub
    runner.run_provider(SimpleNamespace(full_name=lambda: "registry.terraform.io/hashicorp/google"), sys.argv)
