"""Baseline: the route of most applications: FastAPI, a session and an ORM row for each request."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Annotated

import asyncpg
import uvicorn
from fastapi import Depends, FastAPI, Request
from fastapi.responses import PlainTextResponse
from sqlalchemy import BigInteger, DateTime, Identity, func
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from bench.calls import NOTIFY_PATH

CONNECTIONS = 20


class Base(DeclarativeBase):
    """Tables of this baseline."""


class CallRow(Base):
    """One call, stored as it came, with no index but its key: the least that a route must keep."""

    __tablename__ = "orm_route_calls"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    received_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.now()
    )
    source: Mapped[str]
    order_no: Mapped[str]
    status: Mapped[str]
    query: Mapped[bytes]


def make_application(url: str) -> FastAPI:
    """Return the application, which stores in the database at `url`."""

    async def connect() -> object:  # asyncpg reads the URL itself: it knows sockets
        return await asyncpg.connect(url)

    engine = create_async_engine(
        "postgresql+asyncpg://", async_creator=connect, pool_size=CONNECTIONS, max_overflow=0
    )
    sessions = async_sessionmaker(engine, expire_on_commit=False)

    async def session() -> AsyncIterator[AsyncSession]:
        async with sessions() as opened:
            yield opened

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
        yield
        await engine.dispose()

    app = FastAPI(lifespan=lifespan, openapi_url=None)

    @app.get(NOTIFY_PATH, response_class=PlainTextResponse)
    async def notify(request: Request, session: Annotated[AsyncSession, Depends(session)]) -> str:
        session.add(
            CallRow(
                source=request.client.host if request.client else "",
                order_no=request.query_params.get("order_no", ""),
                status=request.query_params.get("status", ""),
                query=request.scope["query_string"],
            )
        )
        await session.commit()
        return "OK"

    @app.get("/readyz", response_class=PlainTextResponse)
    async def readyz() -> str:
        return "ready\n"

    return app


if __name__ == "__main__":
    uvicorn.run(
        make_application(sys.argv[2]),
        host="127.0.0.1",
        port=int(sys.argv[1]),
        access_log=False,
        log_level="warning",
    )
