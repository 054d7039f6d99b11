"""Finds the route template of an ASGI request after Starlette or FastAPI has routed it. No metrics here."""

from __future__ import annotations

from collections.abc import Iterable, MutableMapping
from typing import Any

from watchstack.endpoints import shape

Scope = MutableMapping[str, Any]
ROUTE = "watchstack.route"  # an application without a router known here puts its route template under this key
REST = "/{path}"  # what a mounted application without routes of its own answers for


def told_route(scope: Scope) -> str | None:
    """What the application, or what serves in its place, put under `watchstack.route`."""
    return scope.get(ROUTE)


def starlette_route(scope: Scope) -> str | None:
    """The template of the route that Starlette or FastAPI chose, mounts and included routers put before it.

    None when no route matched; for applications of other kinds what stands under `watchstack.route`.
    """
    route = scope.get("route")
    if route is None:
        if "endpoint" not in scope:
            return told_route(scope)
        root = scope.get("app_root_path", scope.get("root_path"))
        return _walked(scope["router"].routes, path_below(scope, root))  # Starlette before 1.0 notes the endpoint alone
    template = _own_template(scope, route)
    base = scope.get("app_root_path")
    if base is None:  # nothing is mounted
        return template
    mounted = scope["root_path"].removeprefix(base)
    if scope["endpoint"] is getattr(route, "app", None):  # the mount itself was the last that matched
        template = REST
    return _mount_template(scope["router"].routes, mounted) + template


def owns(app: Any, path: str) -> bool:
    """Whether a Starlette or FastAPI application has a route for exactly this path or template."""
    try:
        return _has_route(getattr(app, "routes", None) or (), path)
    except Exception:  # an application of another kind, whose `routes` are something else
        return False


def _has_route(routes: Iterable[Any], path: str) -> bool:
    for route in routes:
        included = getattr(route, "original_router", None)  # FastAPI keeps an included router as one route
        if included is not None:
            prefix = route.include_context.prefix
            if path.startswith(prefix) and _has_route(included.routes, path[len(prefix) :]):
                return True
            continue
        inner = getattr(route, "routes", None)  # those of a mount; none of an application of another kind
        if shape(route.path) == shape(path) and not inner:
            return True
        if inner and path.startswith(route.path + "/") and _has_route(inner, path[len(route.path) :]):
            return True
    return False


def _own_template(scope: Scope, route: Any) -> str:
    """The route's template below its mounts. FastAPI notes the prefix of an included router beside the route."""
    context = scope["fastapi"].get("effective_route_context") if "fastapi" in scope else None
    if context is not None and context.original_route is route:
        return str(context.path_format)
    return str(route.path)


def path_below(scope: Scope, root: str | None) -> str:
    """The path below where the application is mounted; as Starlette has it, a root that it is not in is none."""
    path: str = scope["path"]
    if not root or not path.startswith(root) or path[len(root) : len(root) + 1] not in ("", "/"):
        return path
    return path[len(root) :]


def _mount_template(routes: Iterable[Any], mounted: str) -> str:
    """The templates of the mounts that together took the path `mounted`, `/users/7` as `/users/{user}`."""
    for route in routes:
        match = _mount_match(route, mounted + "/")
        if match is None:
            continue
        rest = match.group("path").removesuffix("/")
        if not rest:
            return str(route.path)
        inner = _mount_template(getattr(route, "routes", None) or (), "/" + rest)
        if inner != REST:
            return str(route.path) + inner
    return REST


def _walked(routes: Iterable[Any], path: str) -> str | None:
    """The template of the first route that takes `path`, as the router walks them."""
    for route in routes:
        match = _mount_match(route, path)
        if match is not None:
            inner = _walked(getattr(route, "routes", None) or (), "/" + match.group("path"))
            return str(route.path) + (inner or REST)
        regex = getattr(route, "path_regex", None)
        if regex is not None and getattr(route, "app", None) is not None and regex.match(path):
            return str(route.path)
    return None


def _mount_match(route: Any, path: str) -> Any:
    regex = getattr(route, "path_regex", None)
    if regex is None or "path" not in regex.groupindex or not hasattr(route, "routes"):
        return None
    return regex.match(path)
