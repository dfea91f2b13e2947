"""Holds responses against the OpenAPI description that the service publishes."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from jsonschema import Draft202012Validator

_METHODS = ("get", "post", "put", "patch", "delete", "options", "head")


class OpenApiCheck:
    """Finds the operation of a request and validates what came back, and what was sent where it was accepted."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        self._paths = [(re.compile(_pattern(path)), path) for path in document["paths"]]

    def operations(self) -> set[tuple[str, str]]:
        """Return every (method, path) that is described."""
        return {
            (method.upper(), path)
            for path, item in self._document["paths"].items()
            for method in item
            if method in _METHODS
        }

    def operation(self, method: str, path: str) -> Mapping[str, Any] | None:
        """Return the description of a request; None where there is none."""
        name = "get" if method == "HEAD" else method.lower()
        for pattern, template in self._paths:
            item = self._document["paths"][template]
            if pattern.fullmatch(path) and name in item:
                operation: Mapping[str, Any] = item[name]
                return operation
        return None

    def check_response(
        self, method: str, path: str, *, status: int, headers: Mapping[str, str], body: bytes
    ) -> None:
        """Assert that a response is described: its status, its content type, its body, its required headers."""
        operation = self.operation(method, path)
        if operation is None:
            return
        where = f"{method} {path} → {status}"
        assert str(status) in operation["responses"], f"{where} is not described"
        response = self._resolve(operation["responses"][str(status)])
        for name, header in response.get("headers", {}).items():
            assert name in headers or not self._resolve(header).get("required"), f"{where} lacks {name}"
        content = response.get("content")
        if not content:
            assert body == b"", f"{where} is described without a body"
            return
        kind = headers.get("Content-Type", "").partition(";")[0]
        assert kind in content, f"{where}: {kind} is not described"
        if kind.endswith("json") or kind == "application/vc":
            self.check_value(content[kind]["schema"], json.loads(body) if body else None, where)

    def check_request(self, method: str, path: str, *, kind: str, body: bytes) -> None:
        """Assert that a body which the service accepted is one that is described."""
        operation = self.operation(method, path)
        if operation is None or not body:
            return
        content = self._resolve(operation["requestBody"])["content"]
        assert kind in content, f"{method} {path}: {kind} is not described"
        if kind == "application/json":
            self.check_value(content[kind]["schema"], json.loads(body), f"{method} {path}, request")

    def check_value(self, schema: Mapping[str, Any], value: object, where: str) -> None:
        """Assert that a value fits a schema of the description."""
        rooted = {**schema, "components": self._document["components"]}
        errors = [error.message for error in Draft202012Validator(rooted).iter_errors(value)]
        assert not errors, f"{where}: {errors[:3]}"

    def _resolve(self, item: Mapping[str, Any]) -> Mapping[str, Any]:
        while "$ref" in item:
            found: Any = self._document
            for part in item["$ref"].removeprefix("#/").split("/"):
                found = found[part]
            item = found
        return item


def _pattern(template: str) -> str:
    return re.sub(r"\\\{[a-z]+\\\}", "[^/]+", re.escape(template))
