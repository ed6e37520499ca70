"""The shop in FastAPI, with pydantic models and redis.asyncio."""
