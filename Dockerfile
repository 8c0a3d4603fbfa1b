# The image of every process: web is the default, others name their command
# (`python manage.py work`, `python manage.py migrate --no-input`). See compose.yaml.
FROM python:3.13-slim AS build
RUN python -m venv /venv
# `--build-arg CHATKIT=on` adds what the setting of that name needs (docs/chatkit.md).
ARG CHATKIT=off
COPY requirements.txt requirements-chatkit.txt ./
RUN case "$CHATKIT" in on) extra=-chatkit ;; *) extra= ;; esac \
    && /venv/bin/pip install --no-cache-dir --disable-pip-version-check \
        -r "requirements$extra.txt"

FROM python:3.13-slim
RUN useradd --system --uid 10001 --home-dir /nonexistent patchbay \
    && install --directory --owner patchbay /data
COPY --from=build /venv /venv
WORKDIR /app
COPY . .
# No .env in an image: settings come from the environment. SQLite is for a trial.
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    ENV_FILE= \
    HOST=0.0.0.0 \
    DATABASE_URL=sqlite:////data/patchbay.sqlite3
# Settings need secrets to load; these are new, and gone with this line.
RUN env $(python -m config.envfile) python manage.py collectstatic --no-input \
    && python -m compileall -q accounts agent config connectors systemtools
USER patchbay
VOLUME /data
EXPOSE 8000
# Readiness, not liveness: a web process that cannot reach its database is "unhealthy".
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s \
    CMD ["python", "-m", "config.probe"]
# The proxy in front is trusted by TRUST_PROXY, not by its address.
CMD ["uvicorn", "config.asgi:application", "--host", "0.0.0.0", "--port", "8000", \
     "--lifespan", "on", "--loop", "uvloop", "--ws", "websockets-sansio", \
     "--no-access-log", "--no-server-header", "--no-proxy-headers", \
     "--timeout-graceful-shutdown", "25"]
