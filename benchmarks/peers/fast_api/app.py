"""The API in FastAPI."""

import uuid
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from benchmarks.peers.data import PAGE_SIZE, list_of
from benchmarks.peers.fast_api import store
from benchmarks.peers.fast_api.models import NewPurchase, Product, ProductPage, Purchase

app = FastAPI()


async def user(credentials: Annotated[HTTPAuthorizationCredentials, Depends(HTTPBearer())]) -> str:
    """The user who calls."""
    found = await store.user_of(credentials.credentials)
    if found is None:
        raise HTTPException(401)
    return found


@app.get("/api/v1/products/")
async def products(request: Request, page: int = 1, category: str = "", search: str = "") -> ProductPage:
    """A page of products, newest first."""
    results = await store.page(list_of(category=category, word=search), (page - 1) * PAGE_SIZE, PAGE_SIZE)
    following = str(request.url.include_query_params(page=page + 1)) if len(results) == PAGE_SIZE else None
    return ProductPage(next=following, results=results)


@app.get("/api/v1/products/{id}/")
async def product(id: str) -> Product:
    """One product."""
    found = await store.product(id)
    if found is None:
        raise HTTPException(404)
    return found


@app.post("/api/v1/purchases/", status_code=201)
async def purchase(new: NewPurchase, user: Annotated[str, Depends(user)]) -> Purchase:
    """Place a purchase."""
    placed = await store.place(user, str(uuid.uuid4()), new.items, datetime.now(UTC))
    if placed is None:
        raise HTTPException(409, "Not enough in stock.")
    return placed
