"""A browser's plain half for tests: requests straight into the application, with its cookies.

    client = AppClient(app)
    client.post("/login", data={...})
    client.get("/")

No socket is opened; redirects are not followed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import httpx
from fastapi import FastAPI


class AppClient:
    """Sends requests one after the other and keeps the cookies that come back."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app
        self.cookies = httpx.Cookies()

    def get(self, path: str, *, headers: dict[str, str] | None = None) -> httpx.Response:
        """One GET."""
        return self._send("GET", path, headers=headers)

    def post(
        self,
        path: str,
        *,
        data: Mapping[str, str | list[str]] | None = None,
        headers: dict[str, str] | None = None,
    ) -> httpx.Response:
        """One POST of a form."""
        return self._send("POST", path, data=data, headers=headers)

    def _send(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        async def exchange() -> httpx.Response:
            transport = httpx.ASGITransport(self._app)
            async with httpx.AsyncClient(
                transport=transport, base_url="http://app.test", cookies=self.cookies
            ) as client:
                answer = await client.request(method, path, **arguments)
                self.cookies = client.cookies
                return answer

        return asyncio.run(exchange())
