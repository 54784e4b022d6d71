"""The rules of a greenhouse as a page of plain forms, one for each output, by htmx.

It calls the same functions as the HTTP API, so that both show and refuse the same.
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData

from fleet_server.errors import FleetError, NotFoundError
from fleet_server.ports import Services
from fleet_server.stations import rules as station_rules
from fleet_server.stations import service
from fleet_server.stations.api import sent
from fleet_server.ui.pages import Reader, show
from fleet_server.ui.render import render, words_of
from fleet_server.web import Actor, Operator, ServicesOf
from protocols.fields import OUTPUTS

router = APIRouter(include_in_schema=False)
# A form has thirteen, and a box for each condition.
_FIELDS = 40


@router.get("/nodes/{node_id}/rules")
def rules_page(node_id: str, request: Request, services: ServicesOf, actor: Reader) -> Response:
    """All outputs of one greenhouse."""
    try:
        found = service.rules_of(services.database, node_id)
    except FleetError:
        return show(request, "missing.html", actor, "map", status=404, node_id=node_id)
    forms = [_form(node_id, output, found["rules"].get(output)) for output in OUTPUTS]
    return show(request, "rules.html", actor, "map", node_id=node_id, forms=forms)


@router.post("/nodes/{node_id}/rules/{output}")
async def save_rule(
    node_id: str, output: str, request: Request, services: ServicesOf, actor: Operator
) -> Response:
    """Sends one output's rule, or shows what is wrong with the form."""
    if output not in OUTPUTS:
        raise NotFoundError("There is no such output.")
    given = await request.form(max_fields=_FIELDS, max_files=0)
    form = await run_in_threadpool(_save, node_id, output, request, services, actor, given)
    return render(request, "rule_form.html", actor, form=form)


def _save(
    node_id: str,
    output: str,
    request: Request,
    services: Services,
    actor: Actor,
    given: FormData,
) -> dict[str, Any]:
    words = words_of(request)
    try:
        rule = _rule(given, _old_limits(services, node_id, output))
        command = service.set_rule(
            services.database, services.clock, actor, node_id=node_id, output=output, given=rule
        )
        sent(request, services, command)
        kept = service.rules_of(services.database, node_id)["rules"].get(output)
    except FleetError as error:
        return _form(node_id, output, None, typed=given, error=words.message(error.message))
    except ValueError:
        text = words.sentence("Figures must be numbers, times like 06:00.")
        return _form(node_id, output, None, typed=given, error=text)
    return _form(node_id, output, kept, saved=True)


def _old_limits(services: Services, node_id: str, output: str) -> list[Any]:
    """Limits beyond the first, which the form does not show and must not lose."""
    rule = service.rules_of(services.database, node_id)["rules"].get(output)
    return [] if rule is None else rule["limits"][1:]


def _rule(given: FormData, more_limits: list[Any]) -> dict[str, Any] | None:
    """The form as `station_rules.wire_rules` takes it; None where the rule goes.

    Raises:
        ValueError: a figure is none.
    """
    if given.get("remove"):
        return None
    text = {key: str(value).strip() for key, value in given.multi_items()}

    def figure(key: str) -> float | None:
        return float(text[key].replace(",", ".")) if text.get(key) else None

    def whole(key: str) -> int | None:
        return int(text[key]) if text.get(key) else None

    hours = None
    if text.get("from") or text.get("to"):
        hours = [_minute(text.get("from", "")), _minute(text.get("to", ""))]
    limits = more_limits
    if text.get("limit_measure"):
        limits = [[text["limit_measure"], figure("limit_low"), figure("limit_high")], *limits]
    return {
        "measure": text.get("measure"),
        "on": figure("on"),
        "off": figure("off"),
        "min_on_s": whole("min_on_s"),
        "min_off_s": whole("min_off_s"),
        "most_on_s": whole("most_on_s"),
        "hours": hours,
        "excludes": [str(name) for name in given.getlist("excludes")],
        "limits": limits,
        "fail_safe": whole("fail_safe"),
    }


def _minute(text: str) -> int:
    hour, minute = (int(part) for part in text.split(":"))
    return hour * 60 + minute


def _form(
    node_id: str,
    output: str,
    rule: dict[str, Any] | None,
    *,
    typed: FormData | None = None,
    error: str = "",
    saved: bool = False,
) -> dict[str, Any]:
    """What the template shows: the rule, else what was typed, else what is usual."""
    base = {"node_id": node_id, "output": output, "error": error, "saved": saved}
    base |= {"has_rule": rule is not None, "choices": station_rules.choices()}
    if typed is not None:
        text = {key: str(value) for key, value in typed.multi_items()}
        return base | {"value": text, "excludes": typed.getlist("excludes")}
    usual = station_rules.DEFAULTS | station_rules.DEFAULTS_OF.get(output, {})
    shown: dict[str, Any] = (
        usual | {"measure": "", "on": None, "off": None} if rule is None else rule
    )
    limit = shown["limits"][0] if shown["limits"] else ["", None, None]
    hours: list[int | None] = shown["hours"] or [None, None]
    value = {key: shown[key] for key in ("measure", "on", "off", "min_on_s", "min_off_s")}
    value |= {"most_on_s": shown["most_on_s"], "fail_safe": shown["fail_safe"]}
    value |= {"limit_measure": limit[0], "limit_low": limit[1], "limit_high": limit[2]}
    value |= {"from": _clock(hours[0]), "to": _clock(hours[1])}
    written = {key: "" if each is None else str(each) for key, each in value.items()}
    return base | {"value": written, "excludes": shown["excludes"]}


def _clock(minute: int | None) -> str | None:
    return None if minute is None else f"{minute // 60:02d}:{minute % 60:02d}"
